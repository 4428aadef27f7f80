import { describe, expect, it } from 'vitest';
import { connectionLost, hiddenEvery, nextPoll, patience, retryAtMost, visibleEvery } from './poll';

const well = { hidden: false, failures: 0, askedToWait: 0 };

describe('polling', () => {
  it('asks each second while somebody looks and seldom when nobody does', () => {
    expect(nextPoll(well, 0.5)).toBe(visibleEvery);
    expect(nextPoll({ ...well, hidden: true }, 0.5)).toBe(hiddenEvery);
  });
  it('backs off after failures, spread out and never beyond 8 s', () => {
    expect(nextPoll({ ...well, failures: 1 }, 0)).toBe(1_000);
    expect(nextPoll({ ...well, failures: 3 }, 0)).toBe(4_000);
    expect(nextPoll({ ...well, failures: 30 }, 0.999)).toBeLessThanOrEqual(retryAtMost);
    expect(nextPoll({ ...well, failures: 3 }, 0.1)).not.toBe(nextPoll({ ...well, failures: 3 }, 0.9));
  });
  it('waits as long as the server asked for', () => {
    expect(nextPoll({ ...well, failures: 1, askedToWait: 20_000 }, 0)).toBe(20_000);
  });
  it('is not faster while hidden because something failed', () => {
    expect(nextPoll({ hidden: true, failures: 1, askedToWait: 0 }, 0)).toBeGreaterThanOrEqual(hiddenEvery);
  });
});

describe('the bar about a lost connection', () => {
  it('waits for two seconds of failure', () => {
    expect(connectionLost(null, 10_000)).toBe(false);
    expect(connectionLost(10_000, 10_000 + patience - 1)).toBe(false);
    expect(connectionLost(10_000, 10_000 + patience)).toBe(true);
  });
});
