// Fails the build when the event page grows too heavy: all the JavaScript a fan's browser fetches from the first byte to
// the open chat, gzipped. Only the player (hls.js) does not count: it is loaded where the browser cannot play HLS itself.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT = 60 * 1024; // bytes; about one second on a 500 kbit/s phone

const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));

function graph(key, seen = new Set()) {
  if (seen.has(key) || key.includes('hls.js')) return seen;
  seen.add(key);
  const { imports = [], dynamicImports = [] } = manifest[key];
  for (const next of [...imports, ...dynamicImports]) graph(next, seen);
  return seen;
}

function gzipped(key) {
  return gzipSync(readFileSync(`dist/${manifest[key].file}`)).length;
}

const sizes = [...graph('event.html')].map((key) => [manifest[key].file, gzipped(key)]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [file, size] of sizes) console.log(`${String(size).padStart(7)}  ${file}`);
console.log(`${String(total).padStart(7)}  JavaScript of the event page with its chat, without the player, gzip (limit ${LIMIT})`);
if (total > LIMIT) {
  console.error('The event page is over its budget. Load the new part lazily, or make it smaller.');
  process.exit(1);
}
