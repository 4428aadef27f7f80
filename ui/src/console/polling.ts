// Asking the same question again and again while somebody looks: each second, seldom in a hidden tab, with patience after
// failures. The answer is the caller's; so is what a failure means.

import type { Problem } from '../api/call';
import { asProblem } from './api';
import { nextPoll } from './poll';

/** Asks now and from then on. Returns the way to stop; nothing is heard after that. */
export function polling<T>(ask: () => Promise<T>, heard: (answer: T) => void, failed: (p: Problem) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let failures = 0;
  let turns = 0;
  const turn = async () => {
    const mine = ++turns; // a tab that is shown again asks at once, whatever is under way
    let askedToWait = 0;
    try {
      const answer = await ask();
      if (stopped || mine !== turns) return;
      failures = 0;
      heard(answer);
    } catch (e) {
      if (stopped || mine !== turns) return;
      const p = asProblem(e);
      failures++;
      askedToWait = p.retryAfterMs;
      failed(p);
    }
    timer = setTimeout(() => void turn(), nextPoll({ hidden: document.hidden, failures, askedToWait }, Math.random()));
  };
  const onVisibility = () => {
    if (document.hidden) return;
    clearTimeout(timer);
    timer = setTimeout(() => void turn(), 0);
  };
  document.addEventListener('visibilitychange', onVisibility);
  void turn();
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
  };
}
