// A form that asks the server: busy, its refusal in words, and how long one has to wait.

import { Problem } from '../api/call';

export class Attempt {
  busy = $state(false);
  error = $state('');
  /** Seconds until the next try is allowed; 0 = now. */
  wait = $state(0);

  /** Runs it; true when it worked. */
  async run(what: () => Promise<void>): Promise<boolean> {
    if (this.busy || this.wait > 0) return false;
    this.busy = true;
    this.error = '';
    try {
      await what();
      return true;
    } catch (error) {
      this.error = error instanceof Problem ? error.message : 'Something went wrong. Please try again.';
      if (error instanceof Problem && error.retryAfterMs > 0) this.#count(Math.ceil(error.retryAfterMs / 1000));
      return false;
    } finally {
      this.busy = false;
    }
  }

  #count(seconds: number): void {
    this.wait = seconds;
    const timer = setInterval(() => {
      this.wait -= 1;
      if (this.wait <= 0) clearInterval(timer);
    }, 1_000);
  }
}
