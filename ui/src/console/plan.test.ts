import { describe, expect, it } from 'vitest';
import { inOrder, planOf } from './plan';
import { sampleChat, sampleEvent } from './samples';

const now = Date.parse('2026-11-22T17:00:00Z');
const service = { leader: { holder: 'a', epoch: 1, ageSeconds: 0 }, paused: false };

describe('the sentence about a show’s chat', () => {
  it('says when it will be ready and how that lies to doors', () => {
    const chat = sampleChat({ made: 1240, toMake: 763, wanted: 2003, readyAt: '2026-11-22T18:42:00Z', slackSeconds: 18 * 60 });
    const plan = planOf(sampleEvent(), chat, service, now);
    expect(plan.text).toBe('Making 1,240 of 2,003 – ready about 19:42, 18 min before doors');
    expect(plan.tone).toBe('busy');
    expect(plan.progress).toEqual({ done: 1240, of: 2003 });
  });
  it('warns when it will be too late', () => {
    const chat = sampleChat({ made: 1, wanted: 9, readyAt: '2026-11-22T19:12:00Z', slackSeconds: -12 * 60 });
    const plan = planOf(sampleEvent(), chat, service, now);
    expect(plan.text).toContain('12 min after doors');
    expect(plan.tone).toBe('warn');
  });
  it('works the slack out itself when the server gives none', () => {
    const chat = sampleChat({ made: 1, wanted: 9, readyAt: '2026-11-22T18:40:00Z' });
    expect(planOf(sampleEvent(), chat, service, now).text).toContain('20 min before doors');
  });
  it('says Ready and no more', () => {
    expect(planOf(sampleEvent(), sampleChat({ made: 9, wanted: 9, state: 'ready' }), service, now).text).toBe('Ready');
  });
  it('is not ready while a ticket is not even planned', () => {
    const chat = sampleChat({ made: 9, wanted: 11, toMake: 2, unplanned: 1, state: 'ready' });
    expect(planOf(sampleEvent(), chat, service, now).text).toBe('Making 9 of 11');
  });
  it('puts failures before everything, for they need a person', () => {
    const chat = sampleChat({ made: 7, wanted: 9, failed: 2, state: 'making', readyAt: '2026-11-22T18:40:00Z' });
    expect(planOf(sampleEvent(), chat, service, now)).toMatchObject({ text: '2 failed – see why', tone: 'bad' });
  });
  it('does not promise a time while nobody makes anything', () => {
    const chat = sampleChat({ made: 7, wanted: 9, readyAt: '2026-11-22T18:40:00Z' });
    expect(planOf(sampleEvent(), chat, { leader: null, paused: false }, now).text).toBe('7 of 9 made – no provisioner is running');
    expect(planOf(sampleEvent(), chat, { ...service, paused: true }, now).text).toBe('7 of 9 made – paused');
    expect(planOf(sampleEvent(), null, { leader: null, paused: false }, now).tone).toBe('bad');
  });
  it('talks of the end after the end', () => {
    expect(planOf(sampleEvent({ state: 'ended' }), null, service, now).text).toContain('being exported');
    const deleting = sampleChat({ toDelete: 803, state: 'deleting' });
    expect(planOf(sampleEvent({ state: 'archived' }), deleting, service, now).text).toBe('Over – 803 chat resources still to delete');
    expect(planOf(sampleEvent({ state: 'purged' }), null, service, now).text).toBe('Chat archived and deleted');
  });
  it('talks of a cancelled show as one whose chat goes, too', () => {
    const sealed = { messages: 0, bytes: 1, sha256: '', exportedAt: '2026-11-22T17:00:00Z', sealed: true, waitsUntil: null };
    const text = (archive: typeof sealed | null, chat: ReturnType<typeof sampleChat> | null) => planOf(sampleEvent({ state: 'cancelled', archive }), chat, service, now).text;
    expect(text(null, sampleChat({ state: 'ready' }))).toBe('Cancelled – history is being exported');
    expect(text(sealed, sampleChat({ toDelete: 803, state: 'deleting' }))).toBe('Cancelled – 803 chat resources still to delete');
    expect(text(sealed, sampleChat({ state: 'gone' }))).toBe('Cancelled – nothing is left of the chat');
  });
  it('says why the chat of a show that is over is still there', () => {
    const archive = { messages: 9, bytes: 1, sha256: '', exportedAt: '2026-11-22T17:00:00Z', sealed: false, waitsUntil: '2026-11-22T18:10:00Z' };
    expect(planOf(sampleEvent({ state: 'ended', archive }), sampleChat({ state: 'ready' }), service, now).text).toContain('chat stays until 19:10');
  });
  it('leaves a show without chat alone', () => {
    expect(planOf(sampleEvent({ chat: false }), null, { leader: null, paused: false }, now)).toMatchObject({ tone: 'quiet', progress: null });
  });
});

it('lists what runs first, then what comes next, then what is over', () => {
  const e = (id: string, state: 'live' | 'scheduled' | 'purged', startsAt: string) => sampleEvent({ id, state, startsAt });
  const list = [
    e('old', 'purged', '2026-10-01T00:00:00Z'),
    e('later', 'scheduled', '2027-01-01T00:00:00Z'),
    e('yesterday', 'purged', '2026-11-21T00:00:00Z'),
    e('next', 'scheduled', '2026-12-01T00:00:00Z'),
    e('running', 'live', '2026-11-22T00:00:00Z'),
  ];
  expect(inOrder(list).map((x) => x.id)).toEqual(['running', 'next', 'later', 'yesterday', 'old']);
});
