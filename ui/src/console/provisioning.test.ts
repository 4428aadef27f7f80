import { describe, expect, it } from 'vitest';
import { bucketsOf, chatWord, checkPlan, figures, headline, hurtByPause, planQuery, rowsOf, service, slackWord, weekday, type PlanForm } from './provisioning';
import { sampleChat, sampleEvent, sampleStatus } from './samples';
import type { Plan } from './types';

const now = Date.parse('2026-11-22T17:00:00Z');
const status = sampleStatus();

describe('the table of shows', () => {
  it('has the earliest doors first and what is over apart', () => {
    const chats = [
      sampleChat({ eventId: 'late', doorsAt: '2026-12-24T19:00:00Z' }),
      sampleChat({ eventId: 'ended', doorsAt: '2026-11-20T19:00:00Z', made: 5, state: 'ready' }),
      sampleChat({ eventId: 'early', doorsAt: '2026-11-22T19:00:00Z' }),
      sampleChat({ eventId: 'leaving', state: 'deleting', toDelete: 3 }),
      sampleChat({ eventId: 'gone', state: 'gone' }),
      sampleChat({ eventId: 'quiet', state: 'none' }),
    ];
    const events = [sampleEvent({ id: 'late' }), sampleEvent({ id: 'ended', state: 'ended' }), sampleEvent({ id: 'early' }), sampleEvent({ id: 'quiet', chat: false })];
    const { coming, leaving } = rowsOf({ events: chats }, events);
    expect(coming.map((r) => r.show.eventId)).toEqual(['early', 'late']);
    expect(leaving.map((r) => r.show.eventId)).toEqual(['ended', 'leaving']);
  });
  it('calls a show ready only when every ticket is planned', () => {
    expect(chatWord(sampleChat({ state: 'ready', made: 9, wanted: 9 }), status).text).toBe('Ready');
    expect(chatWord(sampleChat({ state: 'ready', made: 9, wanted: 11, unplanned: 1 }), status).text).toBe('Being made');
  });
  it('says why nothing happens', () => {
    expect(chatWord(sampleChat({ toMake: 3 }), { ...status, leader: null })).toEqual({ text: 'Nobody makes it', tone: 'bad' });
    expect(chatWord(sampleChat({ toMake: 3 }), { ...status, paused: true })).toEqual({ text: 'Paused', tone: 'warn' });
    expect(chatWord(sampleChat({ failed: 2 }), status)).toEqual({ text: '2 failed', tone: 'bad' });
  });
  it('colours the slack by how much there is', () => {
    const at = (slackSeconds: number) => slackWord(sampleChat({ readyAt: '2026-11-22T18:00:00Z', slackSeconds }));
    expect(at(3600)).toEqual({ text: '60 min before doors', tone: 'good' });
    expect(at(300)).toEqual({ text: '5 min before doors', tone: 'warn' });
    expect(at(-300)).toEqual({ text: '5 min after doors', tone: 'bad' });
    expect(slackWord(sampleChat()).text).toBe('');
  });
  it('puts what is missing into the figures', () => {
    expect(figures(sampleChat({ made: 1240, wanted: 2003, unplanned: 12 }))).toBe('1,240 of 2,003 made, 12 tickets not planned yet');
    expect(figures(sampleChat({ made: 9, wanted: 9, toDelete: 2 }))).toBe('9 of 9 made, 2 to delete');
  });
});

describe('the service', () => {
  it('tells pausing from paused', () => {
    expect(service({ ...status, paused: true, inFlight: 3 }).text).toContain('3 calls on the way');
    expect(service({ ...status, paused: true, drained: true }).text).toContain('Nothing is on its way');
    expect(service({ ...status, leader: null }).tone).toBe('bad');
    expect(service({ ...status, inFlight: 1 }).text).toBe('Running, 1 call on the way.');
  });
  it('asks before a pause that would hurt a show within a day', () => {
    const rows = (doorsAt: string, toMake: number) => rowsOf({ events: [sampleChat({ doorsAt, toMake })] }, [sampleEvent()]).coming;
    expect(hurtByPause(rows('2026-11-22T19:00:00Z', 3), now)?.eventId).toBe('ev1');
    expect(hurtByPause(rows('2026-11-22T19:00:00Z', 0), now)).toBeNull();
    expect(hurtByPause(rows('2026-11-25T19:00:00Z', 3), now)).toBeNull();
  });
});

describe('the buckets', () => {
  const rate = (bucket: string, of: string, used: number, limit: number, throttled = false) => ({ bucket, of, used, limit, rate: throttled ? limit / 2 : limit, throttled });
  const busy = { callsPerSecond: 4, rates: [rate('new-one', '', 1, 5), rate('user-writes', 'a', 9, 10), rate('user-writes', 'b', 3, 10, true), rate('identity', '', 20, 50), rate('all', '', 9, 0)] };
  it('are one line for all that is counted alike, and stand where they always stand', () => {
    expect(bucketsOf(busy).map((b) => [b.name, b.things, b.used, b.rate, b.throttled])).toEqual([
      ['all', 0, 4, 0, false],
      ['identity', 0, 20, 50, false],
      ['user-writes', 2, 9, 5, true],
      ['new-one', 0, 1, 5, false],
    ]);
  });
  it('stay when they are not used any more, so that nothing below them moves', () => {
    const later = bucketsOf({ callsPerSecond: 0, rates: [rate('all', '', 0, 0)] }, bucketsOf(busy));
    expect(later.map((b) => [b.name, b.used])).toEqual([['all', 0], ['identity', 0], ['user-writes', 0], ['new-one', 0]]);
  });
});

describe('what if', () => {
  const form: PlanForm = { event: '', tickets: '42,000', doors: '2026-12-01T19:30', zone: 'Europe/Berlin', place: '', pace: '' };
  it('takes figures as people type them', () => {
    expect(checkPlan(form)).toEqual({});
    expect(Object.fromEntries(new URLSearchParams(planQuery(form)))).toEqual({ tickets: '42000', doors: '2026-12-01T19:30', zone: 'Europe/Berlin' });
    expect(planQuery({ ...form, event: 'ev1', tickets: '', place: 'own', pace: 'case' })).toBe('event=ev1&place=own&pace=case');
  });
  it('names what is missing', () => {
    expect(Object.keys(checkPlan({ ...form, tickets: '', doors: '' }))).toEqual(['tickets', 'doors']);
    expect(Object.keys(checkPlan({ ...form, tickets: 'many', zone: 'Mars' }))).toEqual(['tickets', 'zone']);
    expect(checkPlan({ ...form, event: 'ev1', tickets: '', doors: '' })).toEqual({});
    expect(checkPlan({ ...form, tickets: '10,000,000' })).toEqual({});
    expect(checkPlan({ ...form, tickets: '10,000,001' }).tickets).toContain('ten million at most');
  });
  const plan: Plan = {
    tickets: 42_000,
    doorsAt: '2026-12-01T18:30:00Z',
    zone: 'Europe/Berlin',
    pace: 'case',
    limit: '10/s',
    seconds: 4200,
    callsLeft: [],
    readyAt: '2026-11-22T18:12:00Z',
    slackSeconds: 800_000,
    importBy: '2026-12-01T13:05:00Z',
    place: 'own',
    choices: [{ place: 'own', calls: 42_424, seconds: 4200, cleanUpCalls: 1, cleanUpSeconds: 0.1 }],
    sentences: [],
    warnings: [],
  };
  it('answers with the one moment that matters', () => {
    expect(headline(plan, now)).toEqual({ text: 'Import by Tuesday 1 December, 14:05', tone: 'good' });
    expect(headline({ ...plan, importBy: '2026-11-22T17:30:00Z' }, now).tone).toBe('warn');
    expect(headline({ ...plan, importBy: null, slackSeconds: -600 }, now)).toEqual({ text: '10 min too late', tone: 'bad' });
    expect(headline({ ...plan, importBy: null, readyAt: null }, now).tone).toBe('bad');
    expect(headline({ ...plan, importBy: null, slackSeconds: 7200 }, now).text).toBe('Ready 2 h before doors');
  });
  it('speaks the clock of the zone, and UTC where it knows none', () => {
    expect(weekday('2026-12-01T13:05:00Z', 'Asia/Tokyo')).toBe('Tuesday 1 December, 22:05');
    expect(weekday('2026-12-01T13:05:00Z', 'Mars/Olympus')).toBe('Tuesday 1 December, 13:05');
  });
});
