import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { elsewhere } from './time';

const evening = '2026-11-22T19:00:00Z';

beforeEach(() => void vi.stubEnv('TZ', 'Europe/Berlin'));
afterEach(() => vi.unstubAllEnvs());

test('a show elsewhere is announced with the place of its clock', () => {
  expect(elsewhere(evening, 'America/New_York')).toMatch(/2:00.*, New York$/);
});

test('whose clock shows the same reads the time once', () => {
  expect(elsewhere(evening, 'Europe/Vienna')).toBe('');
});

// The landing page of a show in UTC said "at 17:02 UTC, UTC".
test('UTC is a clock without a place', () => {
  expect(elsewhere(evening, 'UTC')).toMatch(/UTC$/);
  expect(elsewhere(evening, 'UTC')).not.toMatch(/UTC, /);
  expect(elsewhere(evening, 'Etc/UTC')).not.toMatch(/UTC, /);
});
