// The chat connection that never gives up. It opens sessions one after another, and after each opening reads history
// until it meets what it had before, so that history and live together have no gap. Doubles are possible in what it
// tells (a message in history and in a frame); whoever listens merges by message id.
//
//   idle ──usePass──► connecting ──established──► catching-up ──history met──► live
//                        ▲   │ failed                  │                        │ closed, or found deaf
//                        └─ waiting ◄──────────────────┴────────────────────────┘
//   stop(), close code 4003 and removal from the channel end in stopped; a new pass starts again.

import type { Pass } from '../api/types';
import { Bell, fullJitter } from '../lib/wait';
import { ChimeError, Messaging, type HistoryPage, type Message } from './messaging';
import { openSession, type Session, type SessionEvent } from './session';

export type Connection = 'idle' | 'connecting' | 'catching-up' | 'live' | 'waiting' | 'stopped';

export interface ClientEvents {
  /** Connection changed. failures: attempts in a row that did not get live, 0 when all is well. */
  connection(now: Connection, failures: number): void;
  messages(messages: Message[]): void;
  deleted(messageId: string): void;
  /** So much was missed that lines before these would leave a hole: forget older ones, they can be loaded again. */
  restart(messages: Message[]): void;
  /** History reaches back to its first message. */
  beginning(): void;
  /** The provider does not accept the credentials, or took the user out: a new pass is needed. */
  passRefused(): void;
}

/** Amazon accepts one new connection a second and user, so less is pointless; 8 s is what a fan waits at worst. */
const RETRY_FLOOR_MS = 1_000;
const RETRY_CAP_MS = 8_000;
/** More pages than this were missed: the page shows at most 200 lines, so it starts anew instead of reading on. */
const CATCH_UP_PAGES = 5;
/**
 * Browsers show scripts no pings, so a quiet room and a dead socket look the same. After this silence one message of
 * history is asked for; jitter spreads an audience in a quiet room: 10,000 people ask 200 times a second.
 */
const SILENCE_MS = 40_000;
const SILENCE_JITTER_MS = 20_000;
/** What history has and the socket has not brought after this time means the socket is deaf. */
const DEAF_MS = 4_000;
/** Lines a page shows at most, and the wait before they are read again after a reconnect. */
const SHOWN = 200;
const REREAD_MS = 3_000;
/** Ids remembered to tell a deaf socket from a quiet room. */
const SEEN = 500;

export class ChimeClient {
  readonly #events: ClientEvents;
  readonly #bell = new Bell();
  #api: Messaging | null = null;
  #fresh = false;
  #running = false;
  #stopped = true;
  #session: Session | null = null;
  #failures = 0;
  /** Newest message up to which everything is known, over all sessions. */
  #anchor: Position | null = null;
  #newest: Position | null = null;
  readonly #seen = new Set<string>();
  /** Where the next page of the past begins, after a page whose oldest message is of this time. */
  #past: { at: number; token: string } | null = null;
  /** Whether this session's frames and history join without a gap. */
  #contiguous = false;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #probing = false;

  constructor(events: ClientEvents) {
    this.#events = events;
  }

  /** Starts, or goes on with new credentials. A live session is kept: credentials matter when something is signed. */
  usePass(pass: Pass): void {
    // Date.now and not performance.now: the latter stands still while a laptop sleeps.
    const offset = Date.parse(pass.serverTime) - Date.now();
    this.#api = new Messaging(pass, location.origin, () => new Date(Date.now() + offset));
    this.#fresh = true;
    this.#stopped = false;
    if (!this.#running) void this.#run();
    else if (!this.#session) this.#bell.ring();
  }

  stop(): void {
    this.#stopped = true;
    this.#session?.close();
    this.#bell.ring();
  }

  /** Something suggests that the network changed: try now instead of later, and doubt a session that seems alive. */
  nudge(): void {
    if (this.#session) void this.#probe();
    else if (this.#running) this.#bell.ring();
  }

  /** Sends a line. Throws ChimeError. The same token never makes a second message. */
  async send(content: string, token: string): Promise<string> {
    if (!this.#api) throw new ChimeError(0, 'not_reached', 'The chat is not ready.');
    const session = this.#session;
    const id = await this.#api.send(content, token).catch((error: unknown) => {
      // As after a probe: what does not answer a request will not bring lines either.
      if (error instanceof ChimeError && error.status === 0) session?.close();
      throw error;
    });
    setTimeout(() => {
      // The socket brings every message to its sender, too. If it does not, it is deaf.
      if (!this.#seen.has(id) && session === this.#session) session?.close();
    }, DEAF_MS);
    return id;
  }

  /** A page of messages at or before a time. Throws ChimeError. */
  async older(notAfter: number): Promise<HistoryPage> {
    if (!this.#api) throw new ChimeError(0, 'not_reached', 'The chat is not ready.');
    const past = this.#past;
    this.#past = null; // a token that is refused is not tried twice
    // One millisecond more, as it is not documented whether the bound is included; ids sort out the overlap.
    const page = await this.#api.history(past?.at === notAfter ? { nextToken: past.token } : { notAfter: notAfter + 1 });
    this.#remember(page.messages, page.nextToken);
    return page;
  }

  #remember(messages: Message[], token: string | null): void {
    const oldest = messages.at(-1);
    this.#past = oldest && token !== null ? { at: oldest.at, token } : null;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (!this.#stopped) {
      await this.#once(this.#api!);
      if (this.#stopped) break;
      this.#tell('waiting');
      await this.#bell.wait(fullJitter(Math.max(0, this.#failures - 1), RETRY_FLOOR_MS, RETRY_CAP_MS));
    }
    this.#running = false;
    this.#tell('stopped');
  }

  /** One session from the first request to its end. */
  async #once(api: Messaging): Promise<void> {
    this.#tell('connecting');
    this.#fresh = false;
    this.#failures++;
    let url: URL;
    try {
      url = await api.connectUrl(String(crypto.getRandomValues(new Uint32Array(1))[0]));
    } catch (error) {
      if (error instanceof ChimeError && error.unauthorized) await this.#newPass();
      return;
    }
    if (this.#stopped) return;
    const session = openSession(url, api.userArn, (event) => this.#hear(event, api));
    this.#session = session;
    const end = await session.ended;
    this.#session = null;
    clearTimeout(this.#silence);
    // A session that ended while catching up has frames beyond a gap; only the old anchor is safe.
    if (this.#contiguous) this.#anchor = this.#newest;
    this.#contiguous = false;
    if (this.#stopped) return;
    if (end.code === 4003) this.#stopped = true; // kicked on purpose: coming back would be a fight
    // 4419 is our engine's: the credentials have come to their end.
    if ([4002, 4003, 4401, 4419].includes(end.code)) await this.#newPass();
  }

  /** Asks for a pass and waits until one comes, or until the next attempt is due anyway. */
  async #newPass(): Promise<void> {
    if (this.#fresh) return;
    this.#events.passRefused();
    if (!this.#stopped) await this.#bell.wait(RETRY_CAP_MS);
  }

  #hear(event: SessionEvent, api: Messaging): void {
    this.#listen();
    switch (event.type) {
      case 'established':
        void this.#catchUp(api, this.#session!);
        break;
      case 'message':
        this.#note([event.message]);
        this.#events.messages([event.message]);
        break;
      case 'deleted':
        this.#events.deleted(event.messageId);
        break;
      case 'removed':
        this.#stopped = true;
        this.#session?.close();
        this.#events.passRefused();
    }
  }

  async #catchUp(api: Messaging, session: Session): Promise<void> {
    this.#tell('catching-up');
    const missed: Message[] = [];
    let page: HistoryPage | null = null;
    try {
      for (let pages = 0; pages < (this.#anchor ? CATCH_UP_PAGES : 1); pages++) {
        page = await api.history(page?.nextToken ? { nextToken: page.nextToken } : {});
        missed.push(...page.messages);
        if (page.nextToken === null || meets(page.messages, this.#anchor)) break;
      }
    } catch (error) {
      // Without history there may be a gap, so this session is worth nothing.
      if (session === this.#session) session.close();
      if (error instanceof ChimeError && error.unauthorized) this.#events.passRefused();
      return;
    }
    if (session !== this.#session) return;
    const more = page?.nextToken ?? null;
    this.#remember(missed, more);
    this.#note(missed);
    if (more === null || (this.#anchor && meets(missed, this.#anchor))) this.#events.messages(missed);
    else this.#events.restart(missed);
    if (more === null) this.#events.beginning();
    else if (this.#anchor) void this.#reread(api, session, more, missed.length);
    this.#contiguous = true;
    this.#failures = 0;
    this.#tell('live');
    this.#listen();
  }

  /**
   * Lines that were on the page before the connection broke may have been removed meanwhile, and history says so only
   * where it is read. This is not urgent and waits until the rush of a common reconnect is over.
   */
  async #reread(api: Messaging, session: Session, from: string, have: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, REREAD_MS * (1 + Math.random())));
    try {
      for (let next: string | null = from; next !== null && have < SHOWN && session === this.#session; ) {
        const page: HistoryPage = await api.history({ nextToken: next });
        this.#events.messages(page.messages);
        have += page.messages.length;
        next = page.nextToken;
      }
    } catch {
      // The next reconnect reads again.
    }
  }

  #note(messages: Message[]): void {
    for (const message of messages) {
      if (!reached(this.#newest, message)) this.#newest = message;
      this.#seen.add(message.id);
    }
    for (const id of this.#seen) {
      if (this.#seen.size <= SEEN) break;
      this.#seen.delete(id);
    }
  }

  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => void this.#probe(), SILENCE_MS + Math.random() * SILENCE_JITTER_MS);
  }

  /** Compares the newest of history with the newest of the socket; a socket that misses something is closed. */
  async #probe(): Promise<void> {
    const session = this.#session;
    if (!session || !this.#contiguous || this.#probing) return;
    this.#probing = true;
    try {
      const { messages } = await this.#api!.history({ max: 1 });
      const newest = messages[0];
      if (newest && !this.#seen.has(newest.id)) {
        await new Promise((resolve) => setTimeout(resolve, DEAF_MS));
        if (!this.#seen.has(newest.id)) session.close();
      }
    } catch (error) {
      // Not reached: the socket is most likely dead, too. Busy or refusing: that says nothing about the socket.
      if (error instanceof ChimeError && error.unauthorized) this.#events.passRefused();
      else if (!(error instanceof ChimeError) || error.status === 0) session.close();
    } finally {
      this.#probing = false;
      if (session === this.#session) this.#listen();
    }
  }

  #tell(now: Connection): void {
    this.#events.connection(now, this.#failures);
  }
}

interface Position {
  at: number;
  id: string;
}

function reached(position: Position | null, target: Position): boolean {
  return position !== null && position.at >= target.at;
}

/** Whether messages go back to the anchor or beyond. No anchor: everything does. */
function meets(messages: Message[], anchor: Position | null): boolean {
  if (!anchor) return true;
  return messages.some((message) => message.id === anchor.id || message.at < anchor.at);
}
