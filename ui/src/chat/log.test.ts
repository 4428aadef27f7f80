// @vitest-environment node
import { describe, expect, test } from 'vitest';
import type { Message } from '../chime/messaging';
import { seeded } from '../lib/random';
import { writeLine } from './content';
import { EMPTY, isRemoved, reduce, type Log, type LogEvent } from './log';

const SELF = 'f-me';
const say = (n: number, more: Partial<Message> = {}): Message => ({
  id: `m${n}`,
  at: 1_000 * n,
  changedAt: 1_000 * n,
  content: writeLine(`line ${n}`, n),
  redacted: false,
  senderId: `f-${n % 7}`,
  senderName: `Fan ${n % 7}`,
  ...more,
});
/** Without a newer time of change: the provider need not give one. */
const redactionOf = (message: Message): Message => ({ ...message, content: null, redacted: true });
const act = (n: number, what: 'hide-user' | 'show-user', target: string, senderId = 'm-1'): Message =>
  say(n, { senderId, content: JSON.stringify({ v: 1, kind: 'action', act: what, target }) });
const play = (events: LogEvent[], log: Log = EMPTY) => events.reduce((sum, event) => reduce(sum, event, SELF), log);
const got = (...messages: Message[]): LogEvent => ({ type: 'messages', messages });

describe('any interleaving of history pages and frames', () => {
  // The oracle is the channel itself: every message once, in the channel's order, removed if it was ever redacted or its
  // sender is hidden by the last act.
  const channel: Message[] = [];
  for (let n = 1; n <= 230; n++) channel.push(n % 40 === 0 ? act(n, n % 80 ? 'hide-user' : 'show-user', 'f-3') : say(n));
  const redacted = new Set(['m17', 'm101', 'm188']);
  const expected = channel
    .filter((message) => !message.content!.includes('action'))
    .map((message) => ({ id: message.id, removed: redacted.has(message.id) || message.senderId === 'f-3' }));

  test.each(Array.from({ length: 60 }, (_, seed) => seed))('seed %i: gives the exact lines in order, none twice', (seed) => {
    const random = seeded(seed);
    const cut = 40 + Math.floor(random() * 150);
    const events: LogEvent[] = [];
    // History in pages that overlap with each other and with the frames; some pages are read twice.
    for (let end = channel.length; end > 0; end -= 30 + Math.floor(random() * 20)) {
      const page = channel.slice(Math.max(0, end - 50), end).reverse();
      events.push(got(...page));
      if (random() < 0.3) events.push(got(...page));
    }
    for (const message of channel.slice(cut)) events.push(got(message));
    for (const message of channel) if (redacted.has(message.id)) events.push(got(redactionOf(message)));
    shuffle(events, random);

    const log = play(events);
    expect(log.lines.map((line) => ({ id: line.id, removed: isRemoved(log, line) }))).toEqual(expected);
  });
});

function shuffle<T>(list: T[], random: () => number): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

describe('what one sends', () => {
  const mine = say(5, { senderId: SELF, content: writeLine('hello', 777) });
  const sent: LogEvent = { type: 'send', token: 't', text: 'hello', clientAt: 777 };

  test('is pending at once, and replaced when it is acknowledged and arrives', () => {
    const log = play([sent, { type: 'sent', token: 't', messageId: 'm5' }]);
    expect(log.pending).toMatchObject([{ text: 'hello', state: 'sent' }]);
    expect(play([got(mine)], log)).toMatchObject({ pending: [], lines: [{ text: 'hello' }] });
  });

  test('is never shown twice when its frame is faster than its acknowledgement', () => {
    const log = play([sent, got(mine)]);
    expect(log.pending).toEqual([]);
    expect(play([{ type: 'sent', token: 't', messageId: 'm5' }], log).pending).toEqual([]);
  });

  test('keeps its text and says why when it failed, until it is retried or dropped', () => {
    const log = play([sent, { type: 'failed', token: 't', reason: 'No network.' }]);
    expect(log.pending).toMatchObject([{ text: 'hello', state: 'failed', reason: 'No network.' }]);
    expect(play([{ type: 'again', token: 't' }], log).pending).toMatchObject([{ state: 'sending', reason: '' }]);
    expect(play([{ type: 'drop', token: 't' }], log).pending).toEqual([]);
  });

  test("is not confused with somebody else's line of the same moment", () => {
    expect(play([sent, got({ ...mine, senderId: 'f-2' })]).pending).toHaveLength(1);
  });
});

describe('moderation', () => {
  test('a redaction stays, whatever older version of the line arrives later', () => {
    const log = play([got(redactionOf(say(1))), got(say(1))]);
    expect(log.lines).toMatchObject([{ id: 'm1', redacted: true, text: '' }]);
  });

  test('only moderators hide people', () => {
    for (const impostor of ['f-9', 'a-1', '', 'xm-1']) {
      const log = play([got(say(1, { senderId: 'f-3' }), act(2, 'hide-user', 'f-3', impostor))]);
      expect(isRemoved(log, log.lines[0]!)).toBe(false);
    }
  });

  test('acts and unknown kinds are no lines', () => {
    const unknown = say(3, { content: '{"v":1,"kind":"poll","text":"?"}' });
    expect(play([got(act(1, 'hide-user', 'f-3'), unknown, say(4, { content: 'not json' }))]).lines).toEqual([]);
  });
});

test('after a restart nothing older than the gap is left', () => {
  const log = play([got(say(1), say(2)), { type: 'restart', messages: [say(90), say(91)] }]);
  expect(log.lines.map((line) => line.id)).toEqual(['m90', 'm91']);
  expect(log.complete).toBe(false);
});

test('trimming keeps the newest and remembers that there is more', () => {
  const log = play([got(say(1), say(2), say(3)), { type: 'beginning' }, { type: 'trim', keep: 2 }]);
  expect(log.lines.map((line) => line.id)).toEqual(['m2', 'm3']);
  expect(log.complete).toBe(false);
});
