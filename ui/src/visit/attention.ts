import type { Visit } from './visit.svelte';

/** Phones put pages to sleep and change networks: when somebody looks again, everything is checked at once. */
export function followAttention(visit: Visit): () => void {
  const look = () => {
    if (document.visibilityState === 'visible') visit.nudge();
  };
  document.addEventListener('visibilitychange', look);
  window.addEventListener('online', look);
  window.addEventListener('pageshow', look);
  return () => {
    document.removeEventListener('visibilitychange', look);
    window.removeEventListener('online', look);
    window.removeEventListener('pageshow', look);
  };
}
