import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { fileURLToPath } from 'node:url';
import { pages } from './scripts/pages.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), pages()],
  // The server replaces this token by a fresh nonce in each answer; Vite puts it on every script, style and link.
  html: { cspNonce: '__CSP_NONCE__' },
  // Tests run the components in jsdom and therefore need Svelte's browser build.
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  build: {
    outDir: 'dist',
    emptyOutDir: false, // dist/.placeholder is committed; pages() removes what an earlier build left
    target: ['chrome111', 'firefox115', 'safari16.4'],
    // data: URLs are not in the page's Content-Security-Policy.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        event: at('event.html'),
        moderate: at('moderate.html'),
        console: at('console.html'),
        home: at('home.html'),
      },
    },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    // changeOrigin stays off: the server compares Origin with Host.
    proxy: {
      '/api': { target: 'http://127.0.0.1:8080', ws: true },
      '/chime': { target: 'http://127.0.0.1:8080' },
      '/connect': { target: 'http://127.0.0.1:8080', ws: true },
      '/test-stream': { target: 'http://127.0.0.1:8080' },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/lib/test-setup.ts'],
  },
}));
