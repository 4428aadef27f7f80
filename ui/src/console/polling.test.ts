import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Problem } from '../api/call';
import { polling } from './polling';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('asks each second, waits after failures, and hears nothing after the end', async () => {
  let asked = 0;
  let away = false;
  const heard: number[] = [];
  const failed: string[] = [];
  const stop = polling(
    async () => {
      asked++;
      if (away) throw new Problem(503, 'resting', 'Later.');
      return asked;
    },
    (n) => heard.push(n),
    (p) => failed.push(p.code),
  );
  await vi.advanceTimersByTimeAsync(2_500);
  expect(heard).toEqual([1, 2, 3]);
  away = true;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(failed.length).toBeGreaterThan(2);
  expect(failed.length).toBeLessThan(12);
  away = false;
  await vi.advanceTimersByTimeAsync(9_000);
  expect(heard.length).toBeGreaterThan(3);
  stop();
  const before = asked;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(before);
});

it('asks at once when the tab is shown again, and only once for each second from then on', async () => {
  let asked = 0;
  let release: () => void = () => {};
  const stop = polling(
    () => {
      asked++;
      return asked === 1 ? new Promise<void>((resolve) => (release = resolve)) : Promise.resolve();
    },
    () => {},
    () => {},
  );
  document.dispatchEvent(new Event('visibilitychange'));
  await vi.advanceTimersByTimeAsync(0);
  release(); // the first answer comes late, and begins no second round
  await vi.advanceTimersByTimeAsync(3_500);
  expect(asked).toBe(5);
  stop();
});
