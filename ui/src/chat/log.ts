// The chat as pure data: events in, lines out. Merging is commutative and idempotent: whatever the order in which history
// pages and frames arrive, and however often, the same lines stand in the same order.

import type { Message } from '../chime/messaging';
import { readContent, roleOf } from './content';
import type { Role } from '../api/types';

export interface Line {
  id: string;
  /** Provider's time, milliseconds; lines are ordered by (at, id). */
  at: number;
  changedAt: number;
  senderId: string;
  name: string;
  role: Role | null;
  /** '' when removed. */
  text: string;
  clientAt: number;
  /** Removed one by one. Final: no later message makes a line visible again. */
  redacted: boolean;
}

/** A line on its way. */
export interface Pending {
  token: string;
  text: string;
  /** Client's time, part of the content: with it the real line is recognised. */
  clientAt: number;
  /** sent: acknowledged, its frame is due. */
  state: 'sending' | 'sent' | 'failed';
  /** A sentence, when failed. */
  reason: string;
  messageId: string | null;
}

/** The last word of a moderator about a person. */
interface Verdict {
  at: number;
  id: string;
  hidden: boolean;
}

export interface Log {
  readonly lines: readonly Line[];
  readonly pending: readonly Pending[];
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Whether the first line ever is among the lines. */
  readonly complete: boolean;
}

export type LogEvent =
  | { type: 'messages'; messages: readonly Message[] }
  /** As messages, but what is older than the oldest of them is forgotten: there may be a gap before it. */
  | { type: 'restart'; messages: readonly Message[] }
  | { type: 'deleted'; messageId: string }
  | { type: 'beginning' }
  /** Keep only the newest n lines. */
  | { type: 'trim'; keep: number }
  | { type: 'send'; token: string; text: string; clientAt: number }
  | { type: 'sent'; token: string; messageId: string }
  | { type: 'failed'; token: string; reason: string }
  | { type: 'again'; token: string }
  | { type: 'drop'; token: string };

export const EMPTY: Log = { lines: [], pending: [], verdicts: new Map(), complete: false };

/** self: id of the person who reads, '' when not known yet. */
export function reduce(log: Log, event: LogEvent, self: string): Log {
  switch (event.type) {
    case 'messages':
      return settle(merge(log, event.messages), self);
    case 'restart':
      return settle(merge(forgetBefore(log, event.messages), event.messages), self);
    case 'deleted':
      return { ...log, lines: log.lines.filter((line) => line.id !== event.messageId) };
    case 'beginning':
      return { ...log, complete: true };
    case 'trim':
      if (log.lines.length <= event.keep) return log;
      return { ...log, lines: log.lines.slice(-event.keep), complete: false };
    case 'send':
      return { ...log, pending: [...log.pending, { ...event, state: 'sending', reason: '', messageId: null }] };
    case 'sent':
      return settle(change(log, event.token, { state: 'sent', messageId: event.messageId }), self);
    case 'failed':
      return change(log, event.token, { state: 'failed', reason: event.reason });
    case 'again':
      return change(log, event.token, { state: 'sending', reason: '' });
    case 'drop':
      return { ...log, pending: log.pending.filter((pending) => pending.token !== event.token) };
  }
}

/** Whether a line is not to be read: removed itself, or its sender is hidden. */
export function isRemoved(log: Log, line: Line): boolean {
  return line.redacted || (log.verdicts.get(line.senderId)?.hidden ?? false);
}

function change(log: Log, token: string, what: Partial<Pending>): Log {
  return { ...log, pending: log.pending.map((pending) => (pending.token === token ? { ...pending, ...what } : pending)) };
}

function forgetBefore(log: Log, messages: readonly Message[]): Log {
  if (messages.length === 0) return log;
  const from = Math.min(...messages.map((message) => message.at));
  return { ...log, lines: log.lines.filter((line) => line.at >= from), complete: false };
}

function merge(log: Log, messages: readonly Message[]): Log {
  const byId = new Map(log.lines.map((line) => [line.id, line]));
  let verdicts: Map<string, Verdict> | null = null;
  for (const message of messages) {
    const content = message.content === null ? null : readContent(message.content);
    if (content?.kind === 'action') {
      verdicts ??= new Map(log.verdicts);
      judge(verdicts, message, content.target, content.act === 'hide-user');
      continue;
    }
    const known = byId.get(message.id);
    if (content || message.redacted) byId.set(message.id, known ? newer(known, toLine(message, content)) : toLine(message, content));
  }
  const lines = [...byId.values()].sort(inOrder);
  return { ...log, lines, verdicts: verdicts ?? log.verdicts };
}

/** Only moderators judge; the last word in the channel's order counts. */
function judge(verdicts: Map<string, Verdict>, { id, at, senderId }: Message, target: string, hidden: boolean): void {
  if (roleOf(senderId) !== 'moderator') return;
  const last = verdicts.get(target);
  if (!last || inOrder(last, { at, id }) < 0) verdicts.set(target, { at, id, hidden });
}

function toLine(message: Message, content: { text: string; clientAt: number } | null): Line {
  return {
    id: message.id,
    at: message.at,
    changedAt: message.changedAt,
    senderId: message.senderId,
    name: message.senderName,
    role: roleOf(message.senderId),
    text: content?.text ?? '',
    clientAt: content?.clientAt ?? 0,
    redacted: message.redacted,
  };
}

/** The newer version of one line; a removal is final, whatever else arrives later. */
function newer(a: Line, b: Line): Line {
  const version = b.changedAt > a.changedAt ? b : a;
  return a.redacted || b.redacted ? { ...version, redacted: true, text: '' } : version;
}

function inOrder(a: { at: number; id: string }, b: { at: number; id: string }): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Takes out what was pending and has become real. Its frame may come before the answer that names its id. */
function settle(log: Log, self: string): Log {
  if (log.pending.length === 0) return log;
  const arrived = (pending: Pending) =>
    log.lines.some((line) => line.id === pending.messageId || (line.senderId === self && line.clientAt === pending.clientAt));
  const pending = log.pending.filter((each) => !arrived(each));
  return pending.length === log.pending.length ? log : { ...log, pending };
}
