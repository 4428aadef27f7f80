import { describe, expect, it } from 'vitest';
import { bytes, clock, clockOrMoment, count, duration, knownZone, limit, moment, parse, rate, relative } from './format';

describe('figures', () => {
  it('groups thousands the English way, whatever the browser speaks', () => {
    expect(count(1240)).toBe('1,240');
    expect(count(0)).toBe('0');
  });
  it('shows a rate with one digit, so that its width stays', () => {
    expect(rate(10)).toBe('10.0');
    expect(rate(9.96)).toBe('10.0');
  });
  it('puts the limit behind the rate as words', () => {
    expect(limit('10/s')).toBe('of 10/s');
    expect(limit('unlimited')).toBe('unlimited');
  });
  it('sizes files without ever showing 1000.0 of a unit', () => {
    expect([bytes(812), bytes(14_240), bytes(999_960), bytes(3_100_000), bytes(7.2e9)]).toEqual(['812 B', '14.2 KB', '1.0 MB', '3.1 MB', '7.2 GB']);
  });
});

describe('lengths of time', () => {
  it('uses the two largest units that matter', () => {
    const s = 1000;
    const cases: [number, string][] = [
      [45 * s, '45 s'],
      [90 * s, '2 min'],
      [18 * 60 * s, '18 min'],
      [3 * 3600 * s, '3 h'],
      [(3 * 60 + 12) * 60 * s, '3 h 12 min'],
      [52 * 3600 * s, '2 days 4 h'],
      [24 * 3600 * s, '1 day'],
      [9 * 24 * 3600 * s + 3600 * s, '9 days'],
    ];
    for (const [ms, words] of cases) expect(duration(ms)).toBe(words);
  });
  it('says now around now, where a countdown would flicker', () => {
    expect(relative(4_000, 0)).toBe('now');
    expect(relative(-4_000, 0)).toBe('now');
    expect(relative(60_000, 0)).toBe('in 60 s');
    expect(relative(-600_000, 0)).toBe('10 min ago');
  });
});

describe('moments', () => {
  const at = Date.parse('2026-11-22T19:00:00Z');
  it('speaks the clock of the show’s zone', () => {
    expect(clock(at, 'Europe/Berlin')).toBe('20:00');
    expect(clock(at, 'Asia/Tokyo')).toBe('04:00');
    expect(moment(at, 'Europe/Berlin')).toContain('22');
  });
  it('names the day only when it is another one there', () => {
    expect(clockOrMoment(at, at - 3_600_000, 'Europe/Berlin')).toBe('20:00');
    expect(clockOrMoment(at, at - 26 * 3_600_000, 'Europe/Berlin')).toContain('Nov');
  });
  it('shows UTC for a zone the browser does not know instead of breaking the page', () => {
    expect(knownZone('Mars/Olympus')).toBe(false);
    expect(clock(at, 'Mars/Olympus')).toBe('19:00');
  });
  it('reads nonsense as no time at all', () => {
    expect(parse('soon')).toBeNull();
    expect(parse(null)).toBeNull();
    expect(parse('2026-11-22T19:00:00.000Z')).toBe(at);
  });
});
