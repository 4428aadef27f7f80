// One person's visit to one event, from the landing page to the end: what the server says, kept current by the live
// socket. Both the fan's and the moderator's page show it. The chat is only a guest here: it is loaded when it is needed
// and nothing waits for it.

import { call, Problem } from '../api/call';
import type { EventView, LiveFrame, Me } from '../api/types';
import type { Room } from '../chat/room.svelte';
import { Clock } from '../lib/clock.svelte';
import { LiveSocket } from '../live/socket';

/** Why the whole page is covered. */
export interface Notice {
  kind: 'seat' | 'revoked';
  reason: string;
}

export type Stage = 'landing' | 'notice' | 'nickname' | 'waiting' | 'hall' | 'ended';

export class Visit {
  event = $state.raw() as EventView;
  me = $state.raw<Me | null>(null);
  notice = $state.raw<Notice | null>(null);
  viewers = $state(0);
  link = $state<'up' | 'down'>('up');
  room = $state.raw<Room | null>(null);
  readonly clock: Clock;
  /** Hears the reactions of each tick. */
  onReactions: (counts: Record<string, number>) => void = () => {};

  #live: LiveSocket | null = null;
  #roomWanted = false;

  constructor(event: EventView, me: Me | null) {
    this.event = event;
    this.clock = new Clock(event.serverTime);
    this.#admit(me);
  }

  get stage(): Stage {
    if (this.notice) return 'notice';
    if (!this.me) return 'landing';
    if (isOver(this.event)) return 'ended';
    if (this.event.chat && this.me.nickname === null && !this.me.banned) return 'nickname';
    return this.event.state === 'scheduled' && this.me.role === 'fan' ? 'waiting' : 'hall';
  }

  /** Throws Problem. */
  async redeem(code: string): Promise<void> {
    this.#admit(await this.#post('redeem', { code }));
  }

  /** Throws Problem. */
  async takeSeatBack(): Promise<void> {
    const me = await this.#post('seat');
    this.notice = null;
    this.#admit(me);
  }

  /** Throws Problem. */
  async pickNickname(nickname: string): Promise<void> {
    this.#take(await call<Me>('PUT', `${this.#api}/nickname`, { json: { nickname } }));
  }

  /** Forgets this device and goes back to the landing page. Throws Problem. */
  async leave(): Promise<void> {
    await this.#post('leave');
    this.notice = null;
    this.#dismiss();
  }

  react(emoji: string): boolean {
    return this.#live?.react(emoji) ?? false;
  }

  /** The page is looked at again, or the network changed. */
  nudge(): void {
    this.#live?.nudge();
    this.room?.nudge();
  }

  get #api(): string {
    return `/api/v1/events/${encodeURIComponent(this.event.slug)}`;
  }

  #post<T = Me>(what: string, json?: unknown): Promise<T> {
    return call<T>('POST', `${this.#api}/${what}`, json === undefined ? {} : { json });
  }

  #admit(me: Me | null): void {
    if (!me) return;
    if (me.seat === 'lost') this.#lose({ kind: 'seat', reason: '' });
    else this.#connect();
    this.#take(me);
  }

  #connect(): void {
    this.#live ??= new LiveSocket(this.event.slug, {
      frame: (frame) => this.#hear(frame),
      link: (state) => this.#linked(state),
      refused: () => this.#stillWelcome(),
    });
  }

  #linked(state: 'up' | 'down'): void {
    // Whatever broke this socket probably broke the chat's, too.
    if (this.link !== state) this.room?.nudge();
    this.link = state;
  }

  #hear(frame: LiveFrame): void {
    switch (frame.t) {
      case 'hello':
        this.viewers = frame.viewers;
        this.#show(frame.event);
        this.#take(frame.me);
        break;
      case 'event':
        this.#show(frame.event);
        break;
      case 'me':
        this.#take(frame.me);
        break;
      case 'seat':
      case 'revoked':
        this.#lose({ kind: frame.t, reason: frame.reason });
        break;
      case 'reactions':
        this.onReactions(frame.counts);
        break;
      case 'chat':
        this.room?.askAgain();
        break;
      case 'beat':
        this.viewers = frame.viewers;
        this.clock.set(frame.now);
    }
  }

  #show(event: EventView): void {
    this.clock.set(event.serverTime);
    this.event = event;
    this.#furnish();
  }

  #take(me: Me): void {
    const wasBanned = this.me?.banned;
    this.me = me;
    if (Boolean(wasBanned) !== Boolean(me.banned)) this.room?.askAgain();
    this.#furnish();
  }

  /** Opens and closes the chat as the visit's stage wants. */
  #furnish(): void {
    const wanted = this.event.chat && this.stage === 'hall';
    if (wanted === this.#roomWanted) return;
    this.#roomWanted = wanted;
    if (wanted) void this.#openRoom();
    else this.#closeRoom();
  }

  async #openRoom(): Promise<void> {
    try {
      const { Room } = await import('../chat/room.svelte');
      if (this.#roomWanted && !this.room) this.room = new Room(this.event.slug);
    } catch {
      // The chat's script did not load. The show goes on; try again a little later.
      setTimeout(() => this.#roomWanted && !this.room && void this.#openRoom(), 5_000);
    }
  }

  #closeRoom(): void {
    this.room?.close();
    this.room = null;
  }

  #lose(notice: Notice): void {
    this.notice = notice;
    this.#live?.stop();
    this.#live = null;
    this.#furnish();
  }

  #dismiss(): void {
    this.me = null;
    this.#live?.stop();
    this.#live = null;
    this.#furnish();
  }

  /** The live socket did not open: is it the network, or are we not wanted? */
  async #stillWelcome(): Promise<boolean> {
    try {
      const me = await call<Me>('GET', `${this.#api}/me`);
      if (me.seat === 'held') return true;
      this.#lose({ kind: 'seat', reason: '' });
      return false;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.#dismiss();
        return false;
      }
      return true;
    }
  }
}

/** Nobody gets in any more, or for now: a cancelled show may come back, and the live socket tells. */
export function isOver(event: EventView): boolean {
  return event.state === 'ended' || event.state === 'archived' || event.state === 'purged' || event.state === 'cancelled';
}
