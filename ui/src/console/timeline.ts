// What happens to a show after its last song, as steps: ended → history exported → chat deleted → gone.

import type { EventAdmin, ProvisionEvent } from './types';
import { bytes, count, parse, plural } from './format';

export interface Step {
  id: 'ended' | 'archive-done' | 'deleting' | 'purged';
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
export function timeline(event: EventAdmin, chat: ProvisionEvent | null, mostSeen: number): Step[] {
  if (event.state !== 'ended' && event.state !== 'archived' && event.state !== 'purged') return [];
  const exported = event.archive !== null || event.state !== 'ended';
  const purged = event.state === 'purged';
  const steps: Step[] = [{ id: 'ended', status: 'done', title: 'Show ended', detail: 'Stream and chat are closed for fans.', at: parse(event.endedAt) }];
  if (!event.chat) return [...steps, gone(purged, 'There was no chat to export or delete.')];
  return [...steps, exportStep(event, exported), deleteStep(chat, exported, purged, mostSeen), gone(purged, 'Nothing of the show is left at the chat provider.')];
}

function exportStep(event: EventAdmin, exported: boolean): Step {
  const a = event.archive;
  if (exported) {
    const detail = a ? `${plural(a.messages, 'message')}, ${bytes(a.bytes)}.` : 'There was no history to keep.';
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

function deleteStep(chat: ProvisionEvent | null, exported: boolean, purged: boolean, mostSeen: number): Step {
  const step = { id: 'deleting', at: null } as const;
  if (purged || chat?.state === 'gone') {
    return { ...step, status: 'done', title: 'Chat resources deleted', detail: mostSeen > 0 ? `${count(mostSeen)} of ${count(mostSeen)}.` : 'All of them.' };
  }
  if (!exported) {
    return { ...step, status: 'waiting', title: 'Delete the chat resources', detail: 'Channel, users and memberships; starts after the export.' };
  }
  const left = chat?.toDelete ?? 0;
  const all = Math.max(mostSeen, left);
  const detail = all > 0 ? `${count(all - left)} of ${count(all)} deleted.` : 'Starting.';
  return { ...step, status: 'now', title: 'Deleting the chat resources', detail };
}

const gone = (purged: boolean, detail: string): Step => ({
  id: 'purged',
  status: purged ? 'done' : 'waiting',
  title: purged ? 'Gone' : 'All gone',
  detail: purged ? detail : 'The last step; the exported history stays with you.',
  at: null,
});
