import type { Plugin } from 'vite';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What internal/web looks for, byte for byte. */
const BOOT = '<script type="application/json" id="boot"></script>';

/**
 * What Stagedoor needs of its HTML entries and Vite does not do by itself:
 *  - while building, the empty boot script stays byte for byte what the Go server looks for and fills with JSON
 *    (Vite would put a nonce on it; a data block is never executed and needs none);
 *  - while developing, /e/{slug}, /e/{slug}/moderate and /console show the same pages as the server's routes;
 *  - an earlier build's files are removed, the committed dist/.placeholder is not.
 */
export function pages(): Plugin {
  let outDir = 'dist';
  return {
    name: 'stagedoor-pages',
    enforce: 'post', // after Vite has written the pages
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    buildStart() {
      if (this.environment.config.command !== 'build') return;
      for (const name of readdirSync(outDir)) {
        if (name !== '.placeholder') rmSync(join(outDir, name), { recursive: true });
      }
    },
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'asset' || !file.fileName.endsWith('.html')) continue;
        file.source = String(file.source).replace(/<script[^>]*id="boot"[^>]*><\/script>/, BOOT);
      }
    },
    configureServer(server) {
      server.middlewares.use((req, _res, next) => {
        req.url = pageFor(req.url ?? '/');
        next();
      });
    },
  };
}

function pageFor(url: string): string {
  const path = url.split('?')[0] ?? '';
  if (path === '/') return '/home.html';
  if (path === '/console') return '/console.html';
  if (/^\/e\/[^/]+\/moderate$/.test(path)) return '/moderate.html';
  if (/^\/e\/[^/]+$/.test(path)) return '/event.html';
  return url;
}
