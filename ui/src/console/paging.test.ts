import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Paging } from './paging.svelte';
import { noFilters } from './resources';
import { sampleResource } from './samples';

const counts = { countedAt: '2026-11-22T17:00:00Z', total: { made: 0, toMake: 0, failed: 0, toDelete: 0 }, kinds: [], events: [], account: null, places: [] };
let asked: string[] = [];
let answer: (path: string) => unknown;
let stop: () => void = () => {};

beforeEach(() => {
  asked = [];
  vi.useFakeTimers();
  vi.stubGlobal('fetch', async (path: string) => {
    if (path.includes('/counts')) return new Response(JSON.stringify(counts));
    asked.push(path.split('/resources')[1] ?? '');
    const body = answer(path);
    return body === 401 ? new Response('{"code":"not_signed_in"}', { status: 401 }) : new Response(JSON.stringify(body));
  });
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const seconds = (n: number) => vi.advanceTimersByTimeAsync(n * 1000);
const rows = (...names: string[]) => names.map((subject) => sampleResource({ subject }));

it('goes forward and back by the server’s cursors, and begins again with other filters', async () => {
  answer = (path) => ({ items: rows(path.includes('cursor') ? 'b' : 'a'), next: path.includes('cursor') ? '' : 'C' });
  const list = new Paging(noFilters, () => {});
  stop = list.start();
  await seconds(0);
  list.forward();
  await seconds(0);
  expect(list.items[0]?.subject).toBe('b');
  list.forward(); // there is no further page
  list.back();
  await seconds(0);
  list.forward();
  list.set({ ...noFilters, state: 'failed' });
  await seconds(0);
  expect(list.trail).toEqual([]);
  expect(asked).toEqual(['', '?cursor=C', '', '?cursor=C', '?state=failed']);
  expect(list.items[0]?.subject).toBe('a');
});

it('keeps the rows still while somebody points at them', async () => {
  let n = 0;
  answer = () => ({ items: rows(`row ${++n}`), next: '' });
  const list = new Paging(noFilters, () => {});
  stop = list.start();
  await seconds(0);
  list.held = true;
  await seconds(10);
  expect(list.items[0]?.subject).toBe('row 1');
  list.set({ ...noFilters, text: 'anna' }); // what somebody asks for comes at once
  await seconds(0);
  expect(list.items[0]?.subject).not.toBe('row 1');
});

it('does not let a slow answer to an old question replace the new one', async () => {
  answer = () => ({ items: rows('old'), next: '' });
  const list = new Paging(noFilters, () => {});
  let release: () => void = () => {};
  const slow = new Promise<void>((resolve) => (release = resolve));
  const quick = globalThis.fetch;
  vi.stubGlobal('fetch', async (path: string) => {
    const response = await quick(path);
    if (!path.includes('q=')) await slow;
    return response;
  });
  stop = list.start();
  answer = () => ({ items: rows('new'), next: '' });
  list.set({ ...noFilters, text: 'x' });
  await seconds(0);
  release();
  await seconds(0);
  expect(list.items[0]?.subject).toBe('new');
});

it('gives up when the session is over', async () => {
  answer = () => 401;
  let out = false;
  const list = new Paging(noFilters, () => (out = true));
  stop = list.start();
  await seconds(30);
  expect([out, asked.length]).toEqual([true, 1]);
});
