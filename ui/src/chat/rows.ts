// From the log to what stands on the page: a window of at most 200 lines, grouped by voice.

import { isRemoved, type Line, type Log } from './log';

/** Lines in the page at a time. Above this, old phones begin to stutter (PeerTube's chat learned it at 450 viewers). */
export const SHOWN = 200;
const GROUP_MS = 60_000;
const GROUP_LINES = 5;

export interface Row {
  line: Line;
  /** The first of a voice's group, or a removed line: shows the name. */
  head: boolean;
  /** Not to be read: removed itself, or its sender hidden. */
  removed: boolean;
  /** How many removed lines of one sender this row stands for. */
  count: number;
}

export interface View {
  rows: Row[];
  /** Lines below the window that are worth a look. */
  below: number;
  /** Lines above the window that are already here. */
  above: number;
  /** The line the window ends with, null when empty. */
  last: Line | null;
}

/**
 * end: the window's last line; null follows the newest. collapse: one row for a run of removed lines of one sender, so that
 * a banned flood does not fill the page; moderators see each, as nothing may move under their pointer.
 */
export function view(log: Log, end: Line | null, collapse: boolean): View {
  const to = end === null ? log.lines.length : countUpTo(log.lines, end);
  const from = Math.max(0, to - SHOWN);
  let below = 0;
  for (let i = to; i < log.lines.length; i++) if (!isRemoved(log, log.lines[i]!)) below++;
  return { rows: group(log, log.lines.slice(from, to), collapse), below, above: from, last: log.lines[to - 1] ?? null };
}

/** The line that ends the window after moving it by so many lines (up is negative); null when it reaches the newest. */
export function moved(log: Log, end: Line | null, by: number): Line | null {
  const to = end === null ? log.lines.length : countUpTo(log.lines, end);
  const next = Math.max(Math.min(SHOWN, log.lines.length), to + by);
  return next >= log.lines.length ? null : (log.lines[next - 1] ?? null);
}

/** How many lines are not after this one; the line itself may be gone. */
function countUpTo(lines: readonly Line[], end: Line): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const line = lines[middle]!;
    if (line.at < end.at || (line.at === end.at && line.id <= end.id)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function group(log: Log, lines: readonly Line[], collapse: boolean): Row[] {
  const rows: Row[] = [];
  let size = 0;
  for (const line of lines) {
    const last = rows.at(-1);
    const removed = isRemoved(log, line);
    const sameVoice = last?.line.senderId === line.senderId && last.removed === removed;
    if (sameVoice && removed && collapse) {
      last.count++;
      continue;
    }
    const joins = sameVoice && size < GROUP_LINES && line.at - last.line.at < GROUP_MS;
    size = joins ? size + 1 : 1;
    rows.push({ line, head: !joins, removed, count: 1 });
  }
  return rows;
}
