// The console's one store: what the server said last, when it was asked, and the few things only this page knows.

import type { Problem } from '../api/call';
import { asProblem, getConsole, signedOut } from './api';
import { browserZone, parse } from './format';
import type { ShowForm } from './form';
import { connectionLost, nextPoll } from './poll';
import type { ConsoleView, EventAdmin, ImportReport, ProvisionEvent, StaffCode } from './types';

/** starting: nobody knows yet; out: no session; in: `view` is filled. */
export type Session = 'starting' | 'out' | 'in';

export class ConsoleModel {
  session = $state<Session>('starting');
  view = $state.raw<ConsoleView | null>(null);
  /** The server's clock, ms; ticks each second while the page is visible. */
  now = $state(Date.now());
  /** First failure in the present row of failures, ms by this browser's clock; null while answers come. */
  failingSince = $state<number | null>(null);
  /** Why the last poll failed; kept for the bar. */
  trouble = $state.raw<Problem | null>(null);
  /** Codes made in this page, by show. The server tells each once, so they survive moving between pages. */
  codes = $state.raw<Record<string, StaffCode[]>>({});
  /** The last import of each show in this page. */
  reports = $state.raw<Record<string, { file: string; report: ImportReport }>>({});
  readonly zone = browserZone();
  /** The page before this one was the list of resources: "back" keeps its filters and its place. */
  cameFromList = false;
  /** Forms not saved yet, by show id or 'new'. They outlive the session: signing in again must not cost typed text. */
  // Not reactive on purpose: a form reads it once, when it opens.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  readonly drafts = new Map<string, ShowForm>();

  #offset = 0;
  #failures = 0;
  #askedToWait = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #asking: Promise<void> | null = null;
  /** Counts what we did ourselves: a poll asked before an act would show the show as it was before it. */
  #changes = 0;
  /** Most chat resources seen at a show: the n of "m of n deleted". */
  // Not reactive on purpose: it changes with the view, which is.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  readonly #mostSeen = new Map<string, number>();

  get lost(): boolean {
    return connectionLost(this.failingSince, this.now - this.#offset);
  }

  event(id: string): EventAdmin | null {
    return this.view?.events.find((e) => e.id === id) ?? null;
  }

  /** The provisioner's figures for a show: the list is measured each second, chatState may be a moment older. */
  chatOf(event: EventAdmin): ProvisionEvent | null {
    return this.view?.provision.events.find((p) => p.eventId === event.id) ?? event.chatState;
  }

  mostSeen(id: string): number {
    return this.#mostSeen.get(id) ?? 0;
  }

  /** Begins asking and ticking. Returns the way to stop. */
  start(): () => void {
    const onVisibility = () => {
      this.#tick();
      if (!document.hidden) void this.refresh();
    };
    document.addEventListener('visibilitychange', onVisibility);
    this.#ticker = setInterval(() => document.hidden || this.#tick(), 1000);
    void this.refresh();
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      clearInterval(this.#ticker);
      clearTimeout(this.#timer);
    };
  }

  /** Asks now. Calls while one is under way share its answer, so clicks and polls never pile up. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      let before: number;
      let view: ConsoleView;
      do {
        before = this.#changes;
        view = await getConsole();
      } while (before !== this.#changes);
      this.#take(view);
    } catch (e) {
      this.#fail(asProblem(e));
    }
    // Without a session there is nothing to poll for; signing in asks again.
    if (this.session === 'out') return;
    const wait = nextPoll({ hidden: document.hidden, failures: this.#failures, askedToWait: this.#askedToWait }, Math.random());
    this.#timer = setTimeout(() => void this.refresh(), wait);
  }

  #take(view: ConsoleView): void {
    const server = parse(view.serverTime);
    if (server !== null) this.#offset = server - Date.now();
    for (const p of view.provision.events) this.#see(p);
    for (const e of view.events) if (e.chatState) this.#see(e.chatState);
    this.view = view;
    this.session = 'in';
    this.#failures = 0;
    this.#askedToWait = 0;
    this.failingSince = null;
    this.trouble = null;
    this.#tick();
  }

  #see(p: ProvisionEvent): void {
    this.#mostSeen.set(p.eventId, Math.max(this.mostSeen(p.eventId), p.made, p.toDelete));
  }

  #fail(p: Problem): void {
    if (signedOut(p)) return this.leave();
    this.#failures++;
    this.#askedToWait = p.retryAfterMs;
    this.trouble = p;
    this.failingSince ??= Date.now();
  }

  /** Forgets everything of the session that is over. */
  leave(): void {
    this.session = 'out';
    this.view = null;
    this.codes = {};
    this.reports = {};
    this.failingSince = null;
    this.trouble = null;
    this.#failures = 0;
  }

  /** Puts a show the server has just answered in place, without waiting for the next poll. */
  put(event: EventAdmin): void {
    if (!this.view) return;
    this.#changes++;
    const known = this.view.events.some((e) => e.id === event.id);
    const events = known ? this.view.events.map((e) => (e.id === event.id ? event : e)) : [...this.view.events, event];
    this.view = { ...this.view, events };
  }

  keepCodes(id: string, codes: readonly StaffCode[]): void {
    this.codes = { ...this.codes, [id]: [...(this.codes[id] ?? []), ...codes] };
  }

  forgetCodes(id: string): void {
    this.codes = { ...this.codes, [id]: [] };
  }

  keepReport(id: string, file: string, report: ImportReport): void {
    this.reports = { ...this.reports, [id]: { file, report } };
  }

  #tick(): void {
    this.now = Date.now() + this.#offset;
  }
}
