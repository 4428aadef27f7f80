// What the figures of the provisioner mean for somebody who has doors to open: one sentence and a tone.

import type { EventAdmin, ProvisionEvent, ProvisionStatus } from './types';
import { clockOrMoment, count, duration, parse, plural } from './format';

/** quiet: nothing to do; busy: goes as it should; good; warn: look at it; bad: act. */
export type Tone = 'quiet' | 'busy' | 'good' | 'warn' | 'bad';

export interface Plan {
  tone: Tone;
  text: string;
  /** For the bar; null where a bar would say nothing. */
  progress: { done: number; of: number } | null;
}

/** The parts of a show that the sentence depends on. */
export type PlanEvent = Pick<EventAdmin, 'chat' | 'state' | 'doorsAt' | 'timeZone' | 'archive'>;
/** The parts of the installation that the sentence depends on. */
export type PlanService = Pick<ProvisionStatus, 'leader' | 'paused'>;

/** One sentence about the chat of a show. `chat` is null while the provisioner knows nothing of the show. */
export function planOf(event: PlanEvent, chat: ProvisionEvent | null, service: PlanService, now: number): Plan {
  if (!event.chat) return { tone: 'quiet', text: 'No chat at this show', progress: null };
  if (isOver(event.state)) return { tone: event.state === 'purged' || chat?.state === 'gone' ? 'quiet' : 'busy', text: afterTheShow(event, chat, now), progress: null };
  if (!chat || chat.state === 'none') {
    return service.leader
      ? { tone: 'busy', text: 'Waiting for its turn', progress: null }
      : { tone: 'bad', text: 'Nothing made yet, and no provisioner is running', progress: null };
  }
  const progress = { done: chat.made, of: chat.wanted };
  if (chat.state === 'failing' || chat.failed > 0) {
    return { tone: 'bad', text: `${count(chat.failed)} failed – see why`, progress };
  }
  if (isReady(chat)) return { tone: 'good', text: 'Ready', progress };
  return { ...making(event, chat, service, now), progress };
}

function making(event: PlanEvent, chat: ProvisionEvent, service: PlanService, now: number): Pick<Plan, 'tone' | 'text'> {
  const figures = `${count(chat.made)} of ${count(chat.wanted)}`;
  if (!service.leader) return { tone: 'bad', text: `${figures} made – no provisioner is running` };
  if (service.paused) return { tone: 'warn', text: `${figures} made – paused` };
  const readyAt = parse(chat.readyAt);
  if (readyAt === null) return { tone: 'busy', text: `Making ${figures}` };
  const slack = slackOf(event, chat, readyAt);
  return {
    tone: slack.late ? 'warn' : 'busy',
    text: `Making ${figures} – ready about ${clockOrMoment(readyAt, now, event.timeZone)}, ${slack.text}`,
  };
}

/** How the moment of readiness lies to doors: "18 min before doors". The server's figure wins over our own sum. */
export function slackOf(event: Pick<PlanEvent, 'doorsAt'>, chat: ProvisionEvent, readyAt: number): { text: string; late: boolean } {
  const doors = parse(event.doorsAt) ?? readyAt;
  const ms = chat.slackSeconds === null ? doors - readyAt : chat.slackSeconds * 1000;
  if (Math.abs(ms) < 5_000) return { text: 'right at doors', late: false };
  return ms > 0 ? { text: `${duration(ms)} before doors`, late: false } : { text: `${duration(ms)} after doors`, late: true };
}

function afterTheShow(event: PlanEvent, chat: ProvisionEvent | null, now: number): string {
  const cancelled = event.state === 'cancelled';
  if (event.state === 'purged' || chat?.state === 'gone') return cancelled ? 'Cancelled – nothing is left of the chat' : 'Chat archived and deleted';
  const what = cancelled ? 'Cancelled' : 'Over';
  if (event.state === 'ended' || (cancelled && !event.archive?.sealed)) {
    const until = parse(event.archive?.waitsUntil);
    return until === null ? `${what} – history is being exported` : `${what} – chat stays until ${clockOrMoment(until, now, event.timeZone)}, when no browser has a key any more`;
  }
  const left = chat?.toDelete ?? 0;
  return left > 0 ? `${what} – ${plural(left, 'chat resource')} still to delete` : `${what} – chat is being deleted`;
}

/** All is made, for every ticket there is: one that was sold a moment ago may not even be planned yet. */
export const isReady = (chat: ProvisionEvent): boolean => chat.state === 'ready' && chat.unplanned === 0;

/** Ended, archived, purged or cancelled: nothing is made for the show, or not before it is un-cancelled. */
export const isOver = (state: EventAdmin['state']): boolean => state === 'ended' || state === 'archived' || state === 'purged' || state === 'cancelled';

/** Whether doors and start are still to come: a show that is ended or called off, or was begun early, expects neither. */
export const doorsAhead = (state: EventAdmin['state']): boolean => state === 'scheduled';
export const startAhead = (state: EventAdmin['state']): boolean => state === 'scheduled' || state === 'open';

/** The states of a show in a word for people. */
export const stateWord: Record<EventAdmin['state'], string> = {
  scheduled: 'Scheduled',
  open: 'Doors open',
  live: 'Live',
  ended: 'Ended',
  archived: 'Archived',
  purged: 'Cleaned up',
  cancelled: 'Cancelled',
};

/** Shows in the order they need an organizer: what runs, then what comes next, then what is over, newest first. */
export function inOrder<T extends Pick<EventAdmin, 'state' | 'startsAt'>>(events: readonly T[]): T[] {
  const rank = (e: T) => (e.state === 'live' || e.state === 'open' ? 0 : isOver(e.state) ? 2 : 1);
  const at = (e: T) => parse(e.startsAt) ?? 0;
  return [...events].sort((a, b) => rank(a) - rank(b) || (rank(a) === 2 ? at(b) - at(a) : at(a) - at(b)));
}
