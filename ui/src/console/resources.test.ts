import { describe, expect, it } from 'vitest';
import { canRetry, historyOf, lately, noFilters, repaired, shownName, standing, sweepWord, tallyOf, waitsFor, whose } from './resources';
import { sampleResource } from './samples';
import type { ResourceCounts, Sweep } from './types';

const now = Date.parse('2026-11-22T17:00:00Z');

describe('the standing of a resource', () => {
  it('says what is happening, not only what is', () => {
    const word = (change: Parameters<typeof sampleResource>[0]) => standing(sampleResource(change)).text;
    expect(word({})).toBe('Made');
    expect(word({ task: 'rename' })).toBe('To rename');
    expect(word({ state: 'to_make', known: 'absent', task: 'create' })).toBe('To make');
    expect(word({ state: 'to_make', known: 'unknown', inFlight: true })).toBe('Being made');
    expect(word({ state: 'to_make', known: 'unknown' })).toBe('No answer yet');
    expect(word({ state: 'to_make', known: 'absent', error: 'Busy.' })).toBe('Tried again soon');
    expect(word({ state: 'failed' })).toBe('Failed');
    expect(word({ state: 'to_delete', inFlight: true })).toBe('Being deleted');
    expect(word({ state: 'unplanned' })).toBe('Not planned');
  });
  it('offers another try only for what went wrong and is not on its way', () => {
    expect(canRetry(sampleResource({ state: 'failed', attempts: 5, error: 'Full.' }))).toBe(true);
    expect(canRetry(sampleResource({ state: 'failed', attempts: 5, error: 'Full.', inFlight: true }))).toBe(false);
    expect(canRetry(sampleResource({ state: 'to_make', attempts: 1, error: 'Busy.' }))).toBe(true);
    expect(canRetry(sampleResource({ state: 'to_make' }))).toBe(false);
  });
  it('says what it waits for', () => {
    expect(waitsFor(sampleResource({ state: 'to_make', kind: 'membership', task: 'blocked' }))).toContain('account');
    expect(waitsFor(sampleResource({ state: 'to_make', kind: 'moderator', task: 'blocked' }))).toContain('membership');
    expect(waitsFor(sampleResource())).toBe('');
  });
});

describe('whose it is', () => {
  it('prefers the name a person chose, then the order, then the ticket', () => {
    expect(whose(sampleResource(), 'Winter Songs')).toBe('Anna K');
    expect(whose(sampleResource({ nickname: '' }), 'Winter Songs')).toBe('ABCDE-1');
    expect(whose(sampleResource({ nickname: '', reference: '' }), 'Winter Songs')).toBe('tk1');
    expect(whose(sampleResource({ kind: 'channel', subject: '', nickname: '' }), 'Winter Songs')).toBe('Winter Songs');
    expect(whose(sampleResource({ kind: 'instance', subject: '', eventId: '', nickname: '' }), '')).toBe('All shows that share');
  });
  it('shows a name only where the provider shows one', () => {
    expect(shownName(sampleResource({ name: '', wantName: 'Guest 0tk1' }))).toBe('Guest 0tk1');
    expect(shownName(sampleResource({ kind: 'membership' }))).toBe('');
  });
});

it('says when it was made, or how often it was tried', () => {
  expect(lately(sampleResource(), now)).toBe('10 min ago');
  expect(lately(sampleResource({ state: 'to_make', madeAt: null }), now)).toBe('');
  const failed = sampleResource({ state: 'failed', madeAt: null, attempts: 5, nextTryAt: '2026-11-22T17:08:00Z' });
  expect(lately(failed, now)).toBe('5 tries, next in 8 min');
  expect(lately({ ...failed, attempts: 1, nextTryAt: '2026-11-22T16:00:00Z' }, now)).toBe('1 try, next now');
});

it('tells the history newest first, the making included where it belongs', () => {
  const history = [
    { at: '2026-11-22T16:40:00Z', what: 'failed', detail: 'Busy.' },
    { at: '2026-11-22T16:55:00Z', what: 'vanished', detail: '' },
    { at: '2026-11-22T16:30:00Z', what: 'something new', detail: '' },
  ];
  expect(historyOf({ history, madeAt: '2026-11-22T16:50:00Z', known: 'made' }).map((h) => h.text)).toEqual([
    'Found missing at the provider',
    'Made',
    'A try failed',
    'something new',
  ]);
  expect(historyOf({ history: [], madeAt: '2026-11-22T16:50:00Z', known: 'absent' })).toEqual([]);
});

it('adds up the counts of the kinds that are asked for, and none in a search', () => {
  const n = (made: number, failed: number) => ({ made, toMake: 0, failed, toDelete: 0 });
  const counts: ResourceCounts = {
    countedAt: '2026-11-22T17:00:00Z',
    total: n(9, 9),
    kinds: [{ kind: 'user', ...n(5, 1) }, { kind: 'membership', ...n(3, 0) }],
    events: [],
    account: null,
    places: [],
  };
  expect(tallyOf(counts, noFilters)).toEqual(n(8, 1));
  expect(tallyOf(counts, { ...noFilters, kind: 'membership' })).toEqual(n(3, 0));
  expect(tallyOf(counts, { ...noFilters, text: 'anna' })).toBeNull();
  expect(tallyOf(null, noFilters)).toBeNull();
});

it('says what the last comparison with the provider found', () => {
  const sweep: Sweep = {
    at: '2026-11-22T16:56:00Z', due: false, calls: 15, there: 720, ledger: 720, differs: false,
    vanished: 0, found: 0, removed: 0, renamed: 0, strangers: 0, error: '',
  };
  expect(sweepWord(null, now).text).toBe('Not compared with the provider yet');
  expect(sweepWord(sweep, now)).toEqual({ text: 'Compared 4 min ago: provider and ledger agreed on 720 things', tone: 'good' });
  expect(sweepWord({ ...sweep, there: 723, differs: true }, now)).toEqual({ text: 'Compared 4 min ago: the provider had 723 things, the ledger 720', tone: 'bad' });
  expect(sweepWord({ ...sweep, error: 'It is away.' }, now).tone).toBe('warn');
  expect(repaired({ ...sweep, vanished: 1, removed: 2 })).toBe('1 had vanished and is made anew, 2 removed that nobody wanted');
  expect(repaired(sweep)).toBe('');
});
