// What a message says: JSON with a version and a kind, as docs/wire.md tells. Unknown kinds are ignored, so that old pages
// survive new ones.

import type { Role } from '../api/types';

export type Content =
  | { kind: 'line'; text: string; clientAt: number }
  | { kind: 'action'; act: 'hide-user' | 'show-user'; target: string };

/** null for anything this page does not know. */
export function readContent(raw: string): Content | null {
  let said: Record<string, unknown>;
  try {
    said = JSON.parse(raw) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (typeof said !== 'object' || said === null || said.v !== 1) return null;
  if (said.kind === 'line' && typeof said.text === 'string') {
    return { kind: 'line', text: plain(said.text), clientAt: typeof said.at === 'number' ? said.at : 0 };
  }
  if (said.kind === 'action' && (said.act === 'hide-user' || said.act === 'show-user') && typeof said.target === 'string') {
    return { kind: 'action', act: said.act, target: said.target };
  }
  return null;
}

export function writeLine(text: string, clientAt: number): string {
  return JSON.stringify({ v: 1, kind: 'line', text, at: clientAt });
}

/**
 * One line of text without the characters that make text lie: direction overrides and isolates, zero-width spaces, control
 * characters. The zero-width joiner stays, emoji and several scripts need it.
 */
export function plain(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\u200B\u200E\u200F\u2028\u2029\u202A-\u202E\u2060-\u2069\uFEFF]/gu, '')
    .trim();
}

/** Ids at the provider begin with the role; badges come from there and never from text. */
export function roleOf(senderId: string): Role | null {
  if (senderId.startsWith('f-')) return 'fan';
  if (senderId.startsWith('a-')) return 'artist';
  if (senderId.startsWith('m-')) return 'moderator';
  return null;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Length as people count: a family emoji is one. */
export function countGraphemes(text: string): number {
  let n = 0;
  for (const _ of graphemes.segment(text)) n++;
  return n;
}

/** One to three emoji and nothing else are shown larger. */
export function isOnlyEmoji(text: string): boolean {
  return text.length <= 40 && /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\uFE0F]*(?:\u200D\p{Extended_Pictographic}[\p{Emoji_Modifier}\uFE0F]*)*\s*){1,3}$/u.test(text);
}
