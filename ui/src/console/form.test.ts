import { describe, expect, it } from 'vitest';
import { check, emptyForm, fieldOf, formOf, inputOf, slugOf, startInstant, withStart } from './form';
import { sampleEvent } from './samples';

const now = Date.parse('2026-11-22T17:00:00Z');

describe('the form of a show', () => {
  it('begins with tomorrow evening and doors half an hour before', () => {
    const f = emptyForm('Europe/Berlin', now);
    expect([f.startsAt, f.doorsAt, f.timeZone, f.chat]).toEqual(['2026-11-23T20:00', '2026-11-23T19:30', 'Europe/Berlin', true]);
  });
  it('moves doors with the start until somebody sets them', () => {
    const f = withStart(emptyForm('Europe/Berlin', now), '2026-12-01T21:00');
    expect(f.doorsAt).toBe('2026-12-01T20:30');
    expect(withStart({ ...f, doorsAt: '2026-12-01T18:00' }, '2026-12-01T22:00').doorsAt).toBe('2026-12-01T18:00');
  });
  it('shows an existing show in its own zone and gives the same times back', () => {
    const f = formOf(sampleEvent());
    expect([f.startsAt, f.doorsAt]).toEqual(['2026-11-22T20:30', '2026-11-22T20:00']);
    expect(startInstant(f)).toBe(Date.parse('2026-11-22T19:30:00Z'));
  });
  it('leaves an empty address to the server', () => {
    expect('slug' in inputOf(emptyForm('UTC', now))).toBe(false);
    expect(inputOf({ ...emptyForm('UTC', now), slug: ' a ' }).slug).toBe('a');
  });
});

describe('what is checked before asking', () => {
  const good = { ...emptyForm('Europe/Berlin', now), name: 'N', artist: 'A' };
  it('lets a good form pass', () => expect(check(good)).toEqual({}));
  it('names the field of each mistake', () => {
    expect(Object.keys(check({ ...good, name: ' ', artist: '', timeZone: 'Berlin', startsAt: '', doorsAt: '' }))).toEqual(['name', 'artist', 'timeZone', 'startsAt', 'doorsAt']);
    expect(check({ ...good, doorsAt: '2026-11-23T20:01' }).doorsAt).toContain('before');
    expect(check({ ...good, streamUrl: 'javascript:alert(1)' }).streamUrl).toBeTruthy();
    expect(check({ ...good, streamUrl: '//evil.example/x' }).streamUrl).toBeTruthy();
    expect(check({ ...good, streamUrl: '/test-stream/live.m3u8' }).streamUrl).toBeUndefined();
    expect(check({ ...good, slug: 'Not This' }).slug).toBeTruthy();
  });
  it('finds the field a problem names, with or without its path', () => {
    expect(fieldOf('startsAt')).toBe('startsAt');
    expect(fieldOf('body.slug')).toBe('slug');
    expect(fieldOf('elsewhere')).toBeNull();
    expect(fieldOf('')).toBeNull();
  });
});

it('previews the address as the server will write it', () => {
  const cases: [string, string][] = [
    ['Winter Songs!', 'winter-songs'],
    ['Nacht über Köln – größer', 'nacht-ueber-koeln-groesser'],
    ['L’été à Paris', 'lete-a-paris'],
    ['Щедрик', 'shchedrik'],
    ['東京', 'show'],
    ['', ''],
  ];
  for (const [name, slug] of cases) expect(slugOf(name)).toBe(slug);
  expect(slugOf('a'.repeat(90))).toHaveLength(60);
});
