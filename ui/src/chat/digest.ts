// What is read aloud of a chat: each line while it is slow, a summary when it is fast. Reading every line of a fast chat
// drowns the person who listens.

import type { Line } from './log';

export type Aloud = 'all' | 'artist' | 'none';

/** At most so many lines of one turn are read word by word. */
const SLOW = 2;

/** A sentence or '' for silence. lines: what arrived since the last turn, without one's own. */
export function digest(lines: readonly Line[], what: Aloud, nickname: string | null): string {
  if (what === 'none' || lines.length === 0) return '';
  const name = nickname?.toLowerCase() ?? '';
  const special = lines.filter((line) => line.role === 'artist' || (name !== '' && line.text.toLowerCase().includes(name)));
  if (what === 'artist') return special.slice(-SLOW).map(say).join(' ');
  if (lines.length <= SLOW) return lines.map(say).join(' ');
  return [`${lines.length} new messages.`, ...special.slice(-SLOW).map(say)].join(' ');
}

function say(line: Line): string {
  return `${line.role === 'artist' ? 'Artist ' : ''}${line.name} says: ${line.text}.`;
}
