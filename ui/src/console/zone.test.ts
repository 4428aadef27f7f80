import { describe, expect, it } from 'vitest';
import { minutesBefore, toInstant, toWall } from './zone';

const utc = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

describe('wall clock and instant', () => {
  it('goes there and back in any zone', () => {
    for (const zone of ['Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Kiritimati', 'UTC']) {
      const at = toInstant('2026-11-22T20:00', zone);
      expect(at).not.toBeNull();
      expect(toWall(at ?? 0, zone)).toBe('2026-11-22T20:00');
    }
    expect(utc(toInstant('2026-11-22T20:00', 'Europe/Berlin'))).toBe('2026-11-22T19:00:00.000Z');
    expect(utc(toInstant('2026-07-22T20:00', 'Europe/Berlin'))).toBe('2026-07-22T18:00:00.000Z');
  });
  it('takes the first of two when clocks are set back, as the server does', () => {
    expect(utc(toInstant('2026-10-25T02:30', 'Europe/Berlin'))).toBe('2026-10-25T00:30:00.000Z');
  });
  it('lands after the jump when clocks skip the time', () => {
    expect(utc(toInstant('2026-03-29T02:30', 'Europe/Berlin'))).toBe('2026-03-29T01:30:00.000Z');
  });
  it('knows that nothing was typed yet', () => {
    expect(toInstant('', 'UTC')).toBeNull();
    expect(minutesBefore('', 30)).toBe('');
  });
  it('counts minutes on the clock face, over midnight too', () => {
    expect(minutesBefore('2026-11-22T20:00', 30)).toBe('2026-11-22T19:30');
    expect(minutesBefore('2026-03-01T00:10', 30)).toBe('2026-02-28T23:40');
  });
});
