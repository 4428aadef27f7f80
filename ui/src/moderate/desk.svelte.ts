// What a moderator does and has done. Acts go through the platform, which writes down who did it and what the line was.

import { call, Problem } from '../api/call';
import type { Act, Moderation } from '../api/types';
import type { Line } from '../chat/log';

/** Acts of other moderators, and the chat's confirmation of ours, are seen so much later at most. */
const REFRESH_MS = 15_000;
/** While something is not confirmed yet. */
const REFRESH_SOON_MS = 2_000;
/** How long the last ban can be undone with one tap; the list of acts undoes it later. */
const UNDO_MS = 10_000;

export class Desk {
  acts = $state.raw<Act[]>([]);
  bans = $state.raw<Moderation['bans']>([]);
  /** Message ids and user ids an act is under way for. */
  busy = $state.raw<readonly string[]>([]);
  /** What went wrong last, '' when nothing. */
  trouble = $state('');
  /** The last ban while it can be undone at once. */
  undoable = $state.raw<{ userId: string; nickname: string } | null>(null);

  readonly #api: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #undoTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(slug: string) {
    this.#api = `/api/v1/events/${encodeURIComponent(slug)}/moderation`;
    void this.refresh();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#undoTimer);
  }

  remove(line: Line): Promise<boolean> {
    return this.#act(line.id, 'The line was not removed.', () => call('POST', `${this.#api}/redactions`, { json: { messageId: line.id, reason: '' } }));
  }

  async ban(line: Line, reason: string): Promise<boolean> {
    const { senderId: userId, name: nickname } = line;
    const done = await this.#act(userId, 'The ban did not work.', () => call('POST', `${this.#api}/bans`, { json: { userId, reason } }));
    if (done) this.#offerUndo({ userId, nickname });
    return done;
  }

  unban(userId: string): Promise<boolean> {
    this.undoable = null;
    return this.#act(userId, 'The ban was not undone.', () => call('DELETE', `${this.#api}/bans/${encodeURIComponent(userId)}`));
  }

  isBanned(userId: string): boolean {
    return this.bans.some((ban) => ban.userId === userId);
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      const { acts, bans } = await call<Moderation>('GET', this.#api);
      this.acts = [...acts].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
      this.bans = bans;
    } catch {
      // The list is a little old, nothing worse; the next turn asks again.
    }
    if (this.#closed) return;
    clearTimeout(this.#timer);
    const soon = this.acts.some((act) => !act.done);
    this.#timer = setTimeout(() => void this.refresh(), soon ? REFRESH_SOON_MS : REFRESH_MS);
  }

  async #act(id: string, failed: string, what: () => Promise<Act>): Promise<boolean> {
    if (this.busy.includes(id)) return false;
    this.busy = [...this.busy, id];
    this.trouble = '';
    try {
      const act = await what();
      this.acts = [act, ...this.acts.filter((each) => each.id !== act.id)];
      void this.refresh();
      return true;
    } catch (error) {
      this.trouble = `${failed} ${error instanceof Problem ? error.message : ''}`;
      return false;
    } finally {
      this.busy = this.busy.filter((each) => each !== id);
    }
  }

  #offerUndo(ban: { userId: string; nickname: string }): void {
    this.undoable = ban;
    clearTimeout(this.#undoTimer);
    this.#undoTimer = setTimeout(() => (this.undoable = null), UNDO_MS);
  }
}
