// Fails the build when the event page grows too heavy: everything the browser must fetch and run before the page works,
// that is the entry and its static imports, gzipped. The player (hls.js) is loaded later, only where it is needed.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT = 60 * 1024; // bytes; about one second on a 500 kbit/s phone

const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));

function staticGraph(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key].imports ?? []) staticGraph(next, seen);
  return seen;
}

function gzipped(key) {
  return gzipSync(readFileSync(`dist/${manifest[key].file}`)).length;
}

const sizes = [...staticGraph('event.html')].map((key) => [manifest[key].file, gzipped(key)]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [file, size] of sizes) console.log(`${String(size).padStart(7)}  ${file}`);
console.log(`${String(total).padStart(7)}  first-load JavaScript of the event page, gzip (limit ${LIMIT})`);
if (total > LIMIT) {
  console.error('The event page is over its budget. Load the new part lazily, or make it smaller.');
  process.exit(1);
}
