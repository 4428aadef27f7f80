// What the ledger says about things at the chat provider, in words for people. Everything here is a pure function.

import { count, duration, parse, plural, relative } from './format';
import type { Resource, ResourceCounts, ResourceKind, ResourceStory, Sweep } from './types';
import type { Tone } from './plan';

/** The kinds in the order in which they are made. */
export const kinds: readonly ResourceKind[] = ['instance', 'admin_user', 'admin', 'channel', 'user', 'membership', 'moderator'];
/** The states one can ask for, in the order in which people should look at them. */
export const states = ['failed', 'to_delete', 'to_make', 'made', 'gone'] as const;

export interface Filters {
  text: string;
  event: string;
  kind: ResourceKind | '';
  state: (typeof states)[number] | '';
}

export const noFilters: Filters = { text: '', event: '', kind: '', state: '' };

export interface ResourceKey {
  event: string;
  kind: ResourceKind;
  subject: string;
}

export const keyOf = (r: Pick<Resource, 'eventId' | 'kind' | 'subject'>): ResourceKey => ({ event: r.eventId, kind: r.kind, subject: r.subject });
/** One text for each resource, for keyed lists. */
export const idOf = (r: Pick<Resource, 'eventId' | 'kind' | 'subject'>): string => `${r.eventId}/${r.subject}/${r.kind}`;

export const kindWord: Record<ResourceKind, string> = {
  instance: 'App instance',
  admin_user: 'Administrator account',
  admin: 'Administrator role',
  channel: 'Channel',
  user: 'Account',
  membership: 'Membership',
  moderator: 'Moderator role',
};

/** The states as filters: what one can ask for. */
export const stateWord: Record<(typeof states)[number], string> = {
  failed: 'Failed',
  to_delete: 'To delete',
  to_make: 'To make',
  made: 'Made',
  gone: 'Gone',
};

/** What is happening to a resource just now, in at most three words. */
export function standing(r: Pick<Resource, 'state' | 'task' | 'inFlight' | 'known' | 'error'>): { text: string; tone: Tone } {
  switch (r.state) {
    case 'failed':
      return r.inFlight ? { text: 'Trying again', tone: 'warn' } : { text: 'Failed', tone: 'bad' };
    case 'to_make':
      if (r.inFlight) return { text: 'Being made', tone: 'busy' };
      if (r.error !== '') return { text: 'Tried again soon', tone: 'warn' };
      return r.known === 'unknown' ? { text: 'No answer yet', tone: 'warn' } : { text: 'To make', tone: 'quiet' };
    case 'made':
      if (r.task === 'rename') return { text: r.inFlight ? 'Being renamed' : 'To rename', tone: 'busy' };
      return { text: 'Made', tone: 'good' };
    case 'to_delete':
      if (r.inFlight) return { text: 'Being deleted', tone: 'busy' };
      return r.error !== '' ? { text: 'Tried again soon', tone: 'warn' } : { text: 'To delete', tone: 'quiet' };
    case 'gone':
      return { text: 'Gone', tone: 'quiet' };
    default:
      return { text: 'Not planned', tone: 'quiet' };
  }
}

/** Whether a person can ask for another try: something went wrong, and nothing is on its way. */
export const canRetry = (r: Pick<Resource, 'state' | 'error' | 'attempts' | 'inFlight'>): boolean =>
  !r.inFlight && (r.state === 'failed' || (r.attempts > 0 && r.error !== ''));

const roleWord: Record<string, string> = { fan: 'Fan', artist: 'Artist', moderator: 'Moderator' };

/** Who or what a resource is for: a person by nickname, else by the order at the box office, else the ticket; else the show. */
export function whose(r: Pick<Resource, 'kind' | 'subject' | 'nickname' | 'reference' | 'eventId'>, show: string): string {
  if (r.kind === 'instance' || r.kind === 'admin_user' || r.kind === 'admin') {
    const place = r.eventId === '' ? 'All shows that share' : show;
    return r.subject === '' ? place : `${place}, ${r.subject}`;
  }
  if (r.subject === '') return show;
  return r.nickname || r.reference || r.subject;
}

/** "Fan", "Artist"…, or "" where there is no ticket. */
export const roleOf = (r: Pick<Resource, 'role'>): string => roleWord[r.role] ?? '';

/** The name that the provider shows, or is going to show; "" where it shows none of its own. */
export function shownName(r: Pick<Resource, 'kind' | 'name' | 'wantName'>): string {
  if (r.kind === 'membership' || r.kind === 'moderator' || r.kind === 'admin') return '';
  return r.name || r.wantName;
}

/** The last column of the list: when it was made, or how often it was tried and when next. */
export function lately(r: Pick<Resource, 'state' | 'attempts' | 'nextTryAt' | 'madeAt'>, now: number): string {
  const made = parse(r.madeAt);
  if (r.state === 'made') return made === null ? '' : relative(made, now);
  if (r.attempts === 0) return '';
  const tries = `${count(r.attempts)} ${r.attempts === 1 ? 'try' : 'tries'}`;
  const next = parse(r.nextTryAt);
  if (next === null) return tries;
  return next - now < 1000 ? `${tries}, next now` : `${tries}, next in ${duration(next - now)}`;
}

/** One sentence on what a resource waits for; "" when it waits for nothing. */
export function waitsFor(r: Pick<Resource, 'state' | 'task' | 'kind' | 'inFlight'>): string {
  if (r.inFlight) return 'A call is on its way; its answer is expected any moment.';
  if (r.state === 'made' && r.task === 'rename') return 'The name its holder chose is on its way to the provider.';
  if (r.task !== 'blocked') return r.state === 'to_make' || r.state === 'to_delete' ? 'It waits for its turn: shows with earlier doors go first.' : '';
  if (r.state === 'to_make') {
    return r.kind === 'moderator' ? 'The membership has to be made first.' : 'The account has to be made first.';
  }
  return r.kind === 'user' ? 'The membership has to go first.' : 'It goes together with the channel or the app instance.';
}

const happened: Record<string, string> = {
  failed: 'A try failed',
  aside: 'Set aside after a refusal',
  retried: 'Tried again by an organizer',
  vanished: 'Found missing at the provider',
  found: 'Found at the provider',
  misnamed: 'Found under another name',
  deleted: 'Deleted',
};

export interface Happening {
  at: number;
  text: string;
  detail: string;
}

/** What happened, newest first. The ledger's row itself says when it was made; a word this page does not know is shown as it is. */
export function historyOf(r: Pick<ResourceStory, 'history' | 'madeAt' | 'known'>): Happening[] {
  const all = r.history.map((h): Happening => ({ at: parse(h.at) ?? 0, text: happened[h.what] ?? h.what, detail: h.detail }));
  const made = parse(r.madeAt);
  if (made !== null && r.known === 'made') all.push({ at: made, text: 'Made', detail: '' });
  return all.sort((a, b) => b.at - a.at);
}

/** What the last comparison with the provider found, in one sentence. `null`: there was none yet. */
export function sweepWord(s: Sweep | null, now: number, thing = 'thing'): { text: string; tone: Tone } {
  const at = parse(s?.at);
  if (!s || at === null) return { text: s?.error ? `Could not be compared with the provider: ${s.error}` : 'Not compared with the provider yet', tone: s?.error ? 'warn' : 'quiet' };
  const when = `Compared ${relative(at, now)}`;
  if (s.error !== '') return { text: `${when}; a later try did not get to its end: ${s.error}`, tone: 'warn' };
  if (s.differs) return { text: `${when}: the provider had ${plural(s.there, thing)}, the ledger ${count(s.ledger)}`, tone: 'bad' };
  return { text: `${when}: provider and ledger agreed on ${plural(s.there, thing)}`, tone: 'good' };
}

/** What that comparison put right; '' when there was nothing. */
export function repaired(s: Sweep | null): string {
  if (!s) return '';
  const parts: string[] = [];
  if (s.vanished > 0) parts.push(`${count(s.vanished)} had vanished and ${s.vanished === 1 ? 'is' : 'are'} made anew`);
  if (s.found > 0) parts.push(`${count(s.found)} found that the ledger did not know`);
  if (s.removed > 0) parts.push(`${count(s.removed)} removed that nobody wanted`);
  if (s.renamed > 0) parts.push(`${count(s.renamed)} with another name`);
  return parts.join(', ');
}

export type Tally = ResourceCounts['total'];

const tallyWords = ['made', 'toMake', 'failed', 'toDelete'] as const;
const none = (): Tally => ({ made: 0, toMake: 0, failed: 0, toDelete: 0 });

/**
 * What the filters for show and kind leave of the counts; null before they came, and in a search, where nobody counts.
 * The server counts the kinds of the show that was asked for.
 */
export function tallyOf(counts: ResourceCounts | null, filters: Filters): Tally | null {
  if (!counts || filters.text.trim() !== '') return null;
  const sum = none();
  for (const k of counts.kinds) {
    if (filters.kind !== '' && filters.kind !== k.kind) continue;
    for (const w of tallyWords) sum[w] += k[w];
  }
  return sum;
}
