// The list of resources on the page: which filters, which page, asked again every other second. It stands still while somebody
// points at it: rows that are made ten a second must not slip away from under a finger.

import type { Problem } from '../api/call';
import { asProblem, countResources, listResources } from './api';
import { nextPoll } from './poll';
import { noFilters, type Filters } from './resources';
import type { Resource, ResourceCounts } from './types';

/** The list need not tick like a counter; the counts cost the server more than anything else here. */
const unhurried = 1_000;

export class Paging {
  filters = $state.raw<Filters>(noFilters);
  items = $state.raw<Resource[]>([]);
  counts = $state.raw<ResourceCounts | null>(null);
  /** The cursors that led here; its length is the number of the page. */
  trail = $state.raw<string[]>([]);
  next = $state('');
  /** Nothing of these filters has been answered yet. */
  waiting = $state(true);
  /** The rows belong to other filters or another page than the ones asked for. */
  stale = $state(false);
  trouble = $state.raw<Problem | null>(null);
  /** Somebody points at the rows. */
  held = $state(false);

  #question = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = true;
  readonly #signedOut: () => void;

  constructor(filters: Filters, signedOut: () => void) {
    this.filters = filters;
    this.#signedOut = signedOut;
  }

  /** Begins asking. Returns the way to stop. */
  start(): () => void {
    this.#stopped = false;
    const onVisibility = () => document.hidden || this.#soon();
    document.addEventListener('visibilitychange', onVisibility);
    this.#soon();
    return () => {
      this.#stopped = true;
      clearTimeout(this.#timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }

  /** Other filters: back to their first page. */
  set(filters: Filters): void {
    this.filters = filters;
    this.#go([]);
  }

  forward(): void {
    if (this.next !== '') this.#go([...this.trail, this.next]);
  }

  back(): void {
    this.#go(this.trail.slice(0, -1));
  }

  /** Asks again now, as after an act. */
  refresh(): void {
    this.#soon();
  }

  #go(trail: string[]): void {
    this.trail = trail;
    this.stale = true; // what was asked for is shown, held or not
    this.#soon();
  }

  #soon(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    void this.#ask();
  }

  /** Counting a large ledger takes the server half a second now and then: the rows do not wait for it. */
  async #count(question: number, event: string): Promise<void> {
    try {
      const counts = await countResources(event);
      if (question === this.#question) this.counts = counts;
    } catch {
      // The list is asked at the same time, and says what is wrong.
    }
  }

  async #ask(): Promise<void> {
    const question = ++this.#question;
    const asked = this.filters;
    const cursor = this.trail.at(-1) ?? '';
    try {
      void this.#count(question, asked.event);
      const page = await listResources(asked, cursor);
      if (question !== this.#question) return; // somebody typed on
      if (!this.held || this.stale) {
        this.items = page.items;
        this.next = page.next;
      }
      this.waiting = false;
      this.stale = false;
      this.trouble = null;
      this.#failures = 0;
    } catch (e) {
      if (question !== this.#question) return;
      const p = asProblem(e);
      if (p.status === 401) return this.#signedOut();
      this.trouble = p;
      this.#failures++;
    }
    if (this.#stopped) return;
    const wait = nextPoll({ hidden: document.hidden, failures: this.#failures, askedToWait: this.trouble?.retryAfterMs ?? 0 }, Math.random());
    this.#timer = setTimeout(() => void this.#ask(), wait + unhurried);
  }
}
