// When to ask the server next. Pure, so that the rule can be read and tested without a clock.

/** Each second while somebody looks: the figures of ten calls a second then move like a counter. */
export const visibleEvery = 1_000;
/** Every 15 s in a hidden tab: enough for a title that is right when the organizer comes back. */
export const hiddenEvery = 15_000;
/** A server that is away is asked at most this seldom (8 s, as on the live socket), so that it is seen soon after it is back. */
export const retryAtMost = 8_000;
/** The bar about a lost connection waits 2 s: a restart of the server should not flash red. */
export const patience = 2_000;

export interface PollState {
  hidden: boolean;
  /** Failures in a row; 0 after any answer. */
  failures: number;
  /** The wait the server asked for with its last refusal, ms; 0 = none. */
  askedToWait: number;
}

/**
 * Milliseconds to wait before asking again. After failures the wait doubles from one second and is spread over its
 * whole upper half (`random` is in [0, 1)), so that many consoles do not come back in one moment.
 */
export function nextPoll(s: PollState, random: number): number {
  const usual = s.hidden ? hiddenEvery : visibleEvery;
  if (s.failures === 0) return usual;
  const ceiling = Math.min(visibleEvery * 2 ** s.failures, retryAtMost);
  const backoff = ceiling / 2 + random * (ceiling / 2);
  return Math.max(backoff, s.askedToWait, s.hidden ? hiddenEvery : 0);
}

/** Whether to tell the organizer that the connection is lost; `since` is the first failure of the row, ms, or null. */
export const connectionLost = (since: number | null, now: number): boolean => since !== null && now - since >= patience;
