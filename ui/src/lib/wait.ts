// Waiting, for loops that must be woken early and ended cleanly.

/**
 * A bell: wait() sleeps until the time is over or somebody rings. A ring while nobody waits is kept for the next wait,
 * so that no wake-up is lost.
 */
export class Bell {
  #ring: (() => void) | null = null;
  #rung = false;

  ring(): void {
    if (this.#ring) this.#ring();
    else this.#rung = true;
  }

  /** ms: at most so long; Infinity: until the ring. */
  wait(ms: number): Promise<void> {
    if (this.#rung) {
      this.#rung = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#ring = null;
        resolve();
      };
      const timer = ms === Infinity ? undefined : setTimeout(done, ms);
      this.#ring = done;
    });
  }
}

/**
 * Full jitter: a random time below a ceiling that doubles with each attempt, so that a whole audience that lost the
 * server in one second does not come back in one second. floor and cap in milliseconds; attempt counts from 0.
 */
export function fullJitter(attempt: number, floor: number, cap: number, random: () => number = Math.random): number {
  const ceiling = Math.min(cap, floor * 2 ** (attempt + 1));
  return floor + random() * (ceiling - floor);
}
