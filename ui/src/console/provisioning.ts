// What the provisioner's figures mean for somebody who has doors to open, for all shows at once. Pure functions.

import { count, duration, knownZone, parse, plural } from './format';
import { isOver, isReady, slackOf, type Tone } from './plan';
import type { EventAdmin, Plan, ProvisionEvent, ProvisionRate, ProvisionStatus } from './types';
import { toInstant, type WallClock } from './zone';

/** Below this the console calls the slack small: it is the server's default for an alarm. */
const smallSlack = 15 * 60_000;
/** Before this much is left until doors, pausing is asked about twice. */
const nearDoors = 24 * 3_600_000;

/** A show in the table: what is being made, or being removed. */
export interface Row {
  show: ProvisionEvent;
  /** What the fans' page knows of it; null for a show this console has not heard of yet. */
  event: EventAdmin | null;
}

/** The shows with something at the provider, earliest doors first: those to come, and those that are being cleaned up. */
export function rowsOf(status: Pick<ProvisionStatus, 'events'>, events: readonly EventAdmin[]): { coming: Row[]; leaving: Row[] } {
  const rows = [...status.events]
    .sort((a, b) => a.doorsAt.localeCompare(b.doorsAt))
    .map((show): Row => ({ show, event: events.find((e) => e.id === show.eventId) ?? null }));
  const isLeaving = (r: Row) => r.show.state === 'deleting' || (r.event !== null && isOver(r.event.state));
  return {
    coming: rows.filter((r) => !isLeaving(r) && r.show.state !== 'gone' && (r.event === null || r.event.chat || r.show.made > 0)),
    leaving: rows.filter((r) => isLeaving(r) && r.show.state !== 'gone'),
  };
}

/** What a show's chat is, in a word, and how that is meant. */
export function chatWord(show: ProvisionEvent, service: Pick<ProvisionStatus, 'leader' | 'paused'>): { text: string; tone: Tone } {
  if (show.failed > 0) return { text: `${count(show.failed)} failed`, tone: 'bad' };
  if (isReady(show)) return { text: 'Ready', tone: 'good' };
  if (show.state === 'none') return { text: 'No tickets yet', tone: 'quiet' };
  if (show.state === 'deleting') return { text: 'Being deleted', tone: 'busy' };
  if (!service.leader) return { text: 'Nobody makes it', tone: 'bad' };
  if (service.paused) return { text: 'Paused', tone: 'warn' };
  return { text: 'Being made', tone: 'busy' };
}

/** How the moment of readiness lies to doors, and whether that is enough. */
export function slackWord(show: ProvisionEvent): { text: string; tone: Tone } {
  const readyAt = parse(show.readyAt);
  if (readyAt === null) return { text: '', tone: 'quiet' };
  const { text, late } = slackOf({ doorsAt: show.doorsAt }, show, readyAt);
  const ms = (show.slackSeconds ?? 0) * 1000;
  return { text, tone: late ? 'bad' : ms < smallSlack ? 'warn' : 'good' };
}

/** Why nobody can say when a show is ready. */
export function unready(show: ProvisionEvent): string {
  if (show.failed > 0) return 'when what failed is made';
  return show.state === 'none' ? 'with its first ticket' : 'not known now';
}

/** What a show has and misses behind its bar: "1,240 of 2,003 made, 12 not planned yet". */
export function figures(show: ProvisionEvent): string {
  const parts = [`${count(show.made)} of ${count(show.wanted)} made`];
  if (show.unplanned > 0) parts.push(`${plural(show.unplanned, 'ticket')} not planned yet`);
  if (show.toDelete > 0) parts.push(`${count(show.toDelete)} to delete`);
  return parts.join(', ');
}

/** What the provisioner is doing, in one sentence. */
export function service(status: Pick<ProvisionStatus, 'leader' | 'paused' | 'drained' | 'inFlight'>): { text: string; tone: Tone } {
  const flying = `${plural(status.inFlight, 'call')} on the way`;
  if (status.paused) {
    return status.drained
      ? { text: 'Paused. Nothing is on its way to the provider.', tone: 'warn' }
      : { text: `Pausing: ${flying}, no new ones.`, tone: 'warn' };
  }
  if (!status.leader) return { text: 'No provisioner is running. Start stagedoor serve or stagedoor provision.', tone: 'bad' };
  return { text: status.inFlight > 0 ? `Running, ${flying}.` : 'Running; nothing is on its way.', tone: 'good' };
}

/** The show a pause would hurt first: its doors are near, and something is still to be made. */
export function hurtByPause(rows: readonly Row[], now: number): ProvisionEvent | null {
  return rows.find((r) => r.show.toMake > 0 && (parse(r.show.doorsAt) ?? 0) - now < nearDoors)?.show ?? null;
}

/** What a bucket counts, for people, in the order of the page; a name this page does not know is shown as it is. */
const bucketWords: Record<string, string> = {
  all: 'All calls',
  identity: 'Accounts and app instances',
  'user-writes': 'Accounts',
  batch: 'Membership batches',
  bearer: 'One administrator',
  'member-writes': 'Memberships, roles',
  'channel-writes': 'Channels',
  'instance-writes': 'App instances',
  'user-list': 'Listing accounts',
  'member-lists': 'Listing memberships',
  'channel-list': 'Listing channels',
  'instance-list': 'Listing app instances',
  'user-describe': 'Looking at accounts',
  messages: 'Changing messages',
  'message-list': 'Reading histories',
  'message-get': 'Looking at messages',
};
const bucketOrder = Object.keys(bucketWords);
export const bucketWord = (name: string): string => bucketWords[name] ?? name;

/** One bucket of the provider's limits; those that are counted for many things alike are one line. */
export interface Bucket {
  name: string;
  word: string;
  /** How many app instances, channels or administrators it is counted for; 0 = the account. */
  things: number;
  /** Calls in the last second, of the busiest. */
  used: number;
  /** Calls a second allowed by the provider; 0 = no limit. */
  limit: number;
  /** Calls a second that are made at most now, of the slowest. */
  rate: number;
  throttled: boolean;
}

/**
 * The buckets that are used, in an order that stays. Those that were shown before stay, unused: lines that come and go
 * would move everything below them.
 */
export function bucketsOf(status: Pick<ProvisionStatus, 'rates' | 'callsPerSecond'>, before: readonly Bucket[] = []): Bucket[] {
  const byName = new Map<string, Bucket>(before.map((b) => [b.name, { ...b, things: 0, used: 0, rate: b.limit, throttled: false }]));
  for (const r of status.rates) {
    const b = byName.get(r.bucket) ?? { name: r.bucket, word: bucketWord(r.bucket), things: 0, used: 0, limit: r.limit, rate: r.rate, throttled: false };
    if (r.of !== '') b.things++;
    b.used = Math.max(b.used, usedOf(r, status.callsPerSecond));
    b.rate = Math.min(b.rate, r.rate);
    b.throttled ||= r.throttled;
    byName.set(r.bucket, b);
  }
  const place = (b: Bucket) => (bucketOrder.indexOf(b.name) + bucketOrder.length + 1) % (bucketOrder.length + 1); // unknown ones last
  return [...byName.values()].sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
}

/** What is measured over ten seconds stands still where a single second jumps. */
const usedOf = (r: ProvisionRate, measured: number): number => (r.bucket === 'all' ? measured : r.used);

/** The what-if form as it is typed. */
export interface PlanForm {
  /** '' = a show that is not there yet. */
  event: string;
  tickets: string;
  doors: WallClock;
  zone: string;
  place: '' | 'own' | 'shared';
  /** '' = this installation's; else a preset's name or a number. */
  pace: string;
}

export type PlanErrors = Partial<Record<'tickets' | 'doors' | 'zone' | 'pace', string>>;

/** The presets, as people know them. */
export const paces = [
  { value: '', text: 'As this installation' },
  { value: 'case', text: '10 calls a second' },
  { value: 'aws-us-east-1', text: 'Amazon, us-east-1' },
  { value: 'aws-eu-central-1', text: 'Amazon, eu-central-1' },
  { value: 'none', text: 'No limit' },
] as const;

export function checkPlan(f: PlanForm): PlanErrors {
  const errors: PlanErrors = {};
  const tickets = Number(f.tickets.replaceAll(/[\s,.']/g, ''));
  if (f.tickets.trim() === '' ? f.event === '' : !Number.isInteger(tickets) || tickets < (f.event === '' ? 1 : 0) || tickets > 10_000_000) {
    errors.tickets = 'A whole number such as 42,000, ten million at most.';
  }
  if (f.event === '') {
    if (!knownZone(f.zone.trim())) errors.zone = 'A time zone such as Europe/Berlin.';
    else if (toInstant(f.doors, f.zone.trim()) === null) errors.doors = 'Say when doors are.';
  }
  return errors;
}

/** The question as the server takes it. Call checkPlan first. */
export function planQuery(f: PlanForm): string {
  const q = new URLSearchParams();
  if (f.event !== '') q.set('event', f.event);
  const tickets = f.tickets.replaceAll(/[\s,.']/g, '');
  if (tickets !== '') q.set('tickets', tickets);
  if (f.event === '') {
    q.set('doors', f.doors);
    q.set('zone', f.zone.trim());
  }
  if (f.place !== '') q.set('place', f.place);
  if (f.pace !== '') q.set('pace', f.pace);
  return q.toString();
}

/** The answer's headline: "Import by Tuesday, 14:05" or why there is no such moment. */
export function headline(p: Plan, now: number): { text: string; tone: Tone } {
  const slack = p.slackSeconds ?? 0;
  if (p.choices[0]?.calls === 0) return { text: 'Nothing is left to make', tone: 'good' };
  if (p.readyAt === null) return { text: 'Never, at these limits', tone: 'bad' };
  if (p.importBy !== null) {
    const left = (parse(p.importBy) ?? now) - now;
    return { text: `Import by ${weekday(p.importBy, p.zone)}`, tone: left < 3_600_000 ? 'warn' : 'good' };
  }
  if (slack < 0) return { text: `${duration(slack * 1000)} too late`, tone: 'bad' };
  return { text: `Ready ${duration(slack * 1000)} before doors`, tone: slack * 1000 < smallSlack ? 'warn' : 'good' };
}

/** "Tuesday 24 November, 14:05" in the zone. */
export function weekday(at: string, zone: string): string {
  const ms = parse(at);
  if (ms === null) return '';
  return new Intl.DateTimeFormat('en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: knownZone(zone) ? zone : 'UTC',
  })
    .format(ms)
    .replace(' at ', ', ');
}
