import { cleanup } from '@testing-library/svelte';
import { afterEach } from 'vitest';

// jsdom has no layout, so there is nothing to observe; the browser tests see the real one.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};

afterEach(cleanup);
