// The chat of one event as the page sees it: asks for the pass, runs the connection, keeps the log, sends lines.
// The stream never waits for any of this.

import { call } from '../api/call';
import type { ChatPass } from '../api/types';
import { ChimeClient, type Connection } from '../chime/client';
import { ChimeError } from '../chime/messaging';
import { Bell, fullJitter } from '../lib/wait';
import { writeLine } from './content';
import { EMPTY, reduce, type Line, type Log, type LogEvent } from './log';

/**
 * What the chat is for the person: the pass's states, and as seen from here: connecting (nothing known yet) and resting
 * (there is a pass, but the chat does not answer).
 */
export type RoomState = ChatPass['state'] | 'connecting';

/** One DOM change per tick: at 600 lines a minute a phone draws ten times a second at most. */
const TICK_MS = 100;
/** Lines in memory; the page shows at most 200 of them. Three pages up are there without asking. */
const KEEP = 400;
/** Somebody who reads the past is not disturbed, up to this bound. */
const KEEP_READING = 3_000;
/** A refused pass is not asked for again at once: both sides would only burn. */
const REFUSED_FLOOR_MS = 1_000;
const REFUSED_CAP_MS = 15_000;
/** Tries of one line before the person is asked. */
const SEND_TRIES = 3;

export class Room {
  log = $state.raw<Log>(EMPTY);
  answer = $state.raw<ChatPass | null>(null);
  connection = $state<Connection>('idle');
  failures = $state(0);
  loadingOlder = $state(false);
  olderFailed = $state(false);
  /** Set by the view while somebody reads the past. */
  reading = false;
  /** Hears of lines as they arrive, for reading aloud; not of history. */
  onArrive: (lines: Line[]) => void = () => {};

  readonly #slug: string;
  readonly #client: ChimeClient;
  readonly #bell = new Bell();
  #closed = false;
  #refusals = 0;
  #queue: LogEvent[] = [];
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #lastFlush = 0;
  #lastClientAt = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(slug: string) {
    this.#slug = slug;
    this.#client = new ChimeClient({
      connection: (now, failures) => this.#connected(now, failures),
      messages: (messages) => this.#push({ type: 'messages', messages }),
      restart: (messages) => this.#push({ type: 'restart', messages }),
      deleted: (messageId) => this.#push({ type: 'deleted', messageId }),
      beginning: () => this.#push({ type: 'beginning' }),
      passRefused: () => {
        this.#refusals++;
        this.#bell.ring();
      },
    });
    void this.#keepPass();
  }

  /** Id of the reader at the provider, '' before the first pass. */
  get self(): string {
    return this.answer?.pass?.userArn.split('/user/')[1] ?? '';
  }

  get state(): RoomState {
    const said = this.answer?.state;
    if (!said) return this.failures > 1 ? 'resting' : 'connecting';
    // The server may not have noticed yet what the socket knows.
    if ((said === 'ready' || said === 'naming') && this.failures > 1 && this.connection !== 'live') return 'resting';
    // And the socket may still be fine when the server cannot reach the chat.
    if (said === 'resting' && this.connection === 'live') return 'ready';
    return said;
  }

  get maySend(): boolean {
    return this.state === 'ready' && this.self !== '';
  }

  /** The server said that something about the pass has changed. */
  askAgain(): void {
    this.#refusals = 0;
    // The hint may have gone to a whole audience.
    setTimeout(() => this.#bell.ring(), Math.random() * 500);
  }

  nudge(): void {
    this.#client.nudge();
    if (this.answer === null || this.answer.state === 'resting') this.#bell.ring();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#flushTimer);
    this.#client.stop();
    this.#bell.ring();
  }

  send(text: string): void {
    const clientAt = Math.max(Date.now(), this.#lastClientAt + 1);
    this.#lastClientAt = clientAt;
    const token = randomToken();
    this.#apply([{ type: 'send', token, text, clientAt }]);
    this.#enqueue(token, text, clientAt);
  }

  /** Tries a failed line again, with the same token: if it did arrive the first time, it is not doubled. */
  retry(token: string): void {
    const pending = this.log.pending.find((each) => each.token === token);
    if (pending?.state !== 'failed') return;
    this.#apply([{ type: 'again', token }]);
    this.#enqueue(token, pending.text, pending.clientAt);
  }

  drop(token: string): void {
    this.#apply([{ type: 'drop', token }]);
  }

  /** Loads the page before the oldest line. */
  async loadOlder(): Promise<void> {
    const oldest = this.log.lines[0];
    if (!oldest || this.loadingOlder || this.log.complete) return;
    this.loadingOlder = true;
    this.olderFailed = false;
    try {
      const page = await this.#client.older(oldest.at);
      const events: LogEvent[] = [{ type: 'messages', messages: page.messages }];
      if (page.nextToken === null) events.push({ type: 'beginning' });
      this.#apply(events);
    } catch {
      this.olderFailed = true;
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Asks for the pass as often as its answer says, and before it runs out. */
  async #keepPass(): Promise<void> {
    let misses = 0;
    while (!this.#closed) {
      let wait: number;
      try {
        const answer = await call<ChatPass>('POST', `/api/v1/events/${this.#slug}/chat/pass`);
        if (this.#closed) return;
        misses = 0;
        wait = this.#take(answer);
      } catch {
        wait = fullJitter(misses++, REFUSED_FLOOR_MS, REFUSED_CAP_MS);
        if (misses > 1 && this.answer === null) this.failures = misses;
      }
      await this.#bell.wait(wait);
      if (this.#refusals > 0) {
        await new Promise((resolve) => setTimeout(resolve, fullJitter(this.#refusals - 1, REFUSED_FLOOR_MS / 2, REFUSED_CAP_MS)));
      }
    }
  }

  /** Takes an answer in; returns when to ask again, in milliseconds. */
  #take(answer: ChatPass): number {
    this.answer = answer;
    if (answer.pass) this.#client.usePass(answer.pass);
    else if (answer.state !== 'resting') this.#client.stop();
    // A tenth more or less keeps an audience from asking in step.
    if (answer.retryMs > 0) return answer.retryMs * (0.9 + Math.random() * 0.2);
    if (!answer.pass) return Infinity;
    const life = Date.parse(answer.pass.credentials.expiresAt) - Date.parse(answer.pass.serverTime);
    return Math.max(REFUSED_FLOOR_MS, life * (0.7 + Math.random() * 0.15));
  }

  #connected(now: Connection, failures: number): void {
    this.connection = now;
    this.failures = failures;
    if (now === 'live') this.#refusals = 0;
  }

  /** One after another: two requests at once may overtake each other. */
  #enqueue(token: string, text: string, clientAt: number): void {
    this.#sending = this.#sending.then(() => this.#deliver(token, text, clientAt));
  }

  async #deliver(token: string, text: string, clientAt: number): Promise<void> {
    const content = writeLine(text, clientAt);
    for (let attempt = 1; ; attempt++) {
      try {
        const messageId = await this.#client.send(content, token);
        this.#apply([{ type: 'sent', token, messageId }]);
        return;
      } catch (error) {
        const again = error instanceof ChimeError && (error.passing || error.unauthorized) && attempt < SEND_TRIES;
        if (!again || this.#closed) {
          this.#apply([{ type: 'failed', token, reason: whyNotSent(error) }]);
          return;
        }
        if (error.unauthorized) this.#bell.ring();
        await new Promise((resolve) => setTimeout(resolve, fullJitter(attempt, 500, 4_000)));
      }
    }
  }

  #push(event: LogEvent): void {
    this.#queue.push(event);
    const due = Math.max(0, this.#lastFlush + TICK_MS - Date.now());
    this.#flushTimer ??= setTimeout(() => this.#flush(), due);
  }

  #flush(): void {
    this.#flushTimer = undefined;
    this.#lastFlush = Date.now();
    const before = this.log.lines.at(-1);
    const events = this.#queue;
    this.#queue = [];
    this.#apply(events);
    const live = before !== undefined && this.connection === 'live';
    if (live) this.onArrive(this.log.lines.filter((line) => line.at > before.at));
  }

  #apply(events: LogEvent[]): void {
    let log = this.log;
    for (const event of events) log = reduce(log, event, this.self);
    this.log = reduce(log, { type: 'trim', keep: this.reading ? KEEP_READING : KEEP }, this.self);
  }
}

/** crypto.randomUUID does not exist on plain-http origins. */
function randomToken(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function whyNotSent(error: unknown): string {
  if (!(error instanceof ChimeError)) return 'Something went wrong here.';
  if (error.status === 0) return 'The chat was not reached.';
  if (error.status === 429) return 'The chat is very busy right now.';
  if (error.unauthorized) return 'The chat does not take lines from you right now.';
  if (error.status >= 500) return 'The chat is resting.';
  return 'The chat did not take this line.';
}
