// What happens to a show after its last song, or after it was cancelled, as steps: history exported → sealed → chat
// deleted → gone.

import type { EventAdmin, ProvisionEvent } from './types';
import { bytes, clockOrMoment, count, parse, plural } from './format';
import { isOver } from './plan';

export interface Step {
  id: 'ended' | 'cancelled' | 'archive-done' | 'deleting' | 'purged';
  status: 'done' | 'now' | 'waiting';
  title: string;
  detail: string;
  /** When it happened, ms; null if the server does not say. */
  at: number | null;
}

/**
 * The steps after the end; empty before it. `mostSeen` is the largest number of chat resources this page has seen for
 * the show (0 = unknown): the server tells how many are left, and "of n" needs the n from before.
 */
export function timeline(event: EventAdmin, chat: ProvisionEvent | null, mostSeen: number, now: number): Step[] {
  if (!isOver(event.state)) return [];
  const cancelled = event.state === 'cancelled';
  const purged = event.state === 'purged' || (cancelled && sealed(event) && (event.deletion !== null || chat?.state === 'gone'));
  const first: Step = cancelled
    ? { id: 'cancelled', status: 'done', title: 'Show cancelled', detail: 'Its page says so. Nobody is let in, and no tickets are taken.', at: parse(event.endedAt) }
    : { id: 'ended', status: 'done', title: 'Show ended', detail: 'Stream and chat are closed for fans.', at: parse(event.endedAt) };
  if (!event.chat) return [first, gone(event, purged, 'There was no chat to export or delete.')];
  return [first, exportStep(event), deleteStep(event, chat, purged, mostSeen, now), gone(event, purged, 'Nothing of the show is left at the chat provider.')];
}

/** Nothing is deleted before. A show that is archived has been sealed, by an older server without saying so. */
const sealed = (event: EventAdmin): boolean => event.archive?.sealed === true || event.state === 'archived' || event.state === 'purged';

function exportStep(event: EventAdmin): Step {
  const a = event.archive;
  if (a !== null || sealed(event)) {
    const detail = a ? (a.messages > 0 ? `${plural(a.messages, 'message')}, ${bytes(a.bytes)}.` : 'Nothing was said in the chat.') : 'There was no history to keep.';
    return { id: 'archive-done', status: 'done', title: 'History exported', detail, at: parse(a?.exportedAt) };
  }
  return {
    id: 'archive-done',
    status: 'now',
    title: 'Exporting the history',
    detail: 'Every message is read from the chat and written to a file. Nothing is deleted before that is done.',
    at: null,
  };
}

function deleteStep(event: EventAdmin, chat: ProvisionEvent | null, purged: boolean, mostSeen: number, now: number): Step {
  const step = { id: 'deleting', at: null } as const;
  if (purged || chat?.state === 'gone') {
    const at = parse(event.deletion?.finishedAt);
    return { ...step, at, status: 'done', title: 'Chat resources deleted', detail: mostSeen > 0 ? `${count(mostSeen)} of ${count(mostSeen)}.` : 'All of them.' };
  }
  if (event.archive === null && !sealed(event)) {
    return { ...step, status: 'waiting', title: 'Delete the chat resources', detail: 'Channel, users and memberships; starts after the export.' };
  }
  if (!sealed(event)) {
    const until = parse(event.archive?.waitsUntil);
    const detail =
      until === null
        ? 'The history is read once more, to be sure that nothing was added.'
        : `Until ${clockOrMoment(until, now, event.timeZone)} a browser may still have a key to the chat. What is written by then is exported, too; then everything is deleted.`;
    return { ...step, status: 'now', title: 'Waiting to delete the chat', detail };
  }
  const left = chat?.toDelete ?? 0;
  const all = Math.max(mostSeen, left);
  const detail = all > 0 ? `${count(all - left)} of ${count(all)} deleted.` : 'Starting.';
  return { ...step, status: 'now', title: 'Deleting the chat resources', detail };
}

function gone(event: EventAdmin, purged: boolean, detail: string): Step {
  const cancelled = event.state === 'cancelled';
  const later = cancelled ? 'The last step. Un-cancelled, the show gets a new chat.' : 'The last step; the exported history stays with you.';
  return { id: 'purged', status: purged ? 'done' : 'waiting', title: purged ? 'Gone' : 'All gone', detail: purged ? detail : later, at: null };
}
