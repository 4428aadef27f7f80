// Reactions as a calculation: what a tick's counts still mean when one's own, shown at once, are already in the air.

/** Own reactions that the server has not told back yet. They expire, as a lost reaction never comes back. */
export class Owed {
  #owed: { emoji: string; until: number }[] = [];

  add(emoji: string, now: number): void {
    this.#owed.push({ emoji, until: now + 3_000 });
  }

  /** The counts of a tick without one's own. */
  settle(counts: Record<string, number>, now: number): Record<string, number> {
    const rest: Record<string, number> = { ...counts };
    this.#owed = this.#owed.filter(({ emoji, until }) => {
      if (until < now) return false;
      if (!rest[emoji]) return true;
      rest[emoji] -= 1;
      return false;
    });
    return rest;
  }
}

/**
 * Which particles to start for a tick when there is room for so many: every kind that was sent is seen at least once, the
 * rest in proportion.
 */
export function share(counts: Record<string, number>, room: number): string[] {
  const kinds = Object.entries(counts).filter(([, n]) => n > 0);
  const total = kinds.reduce((sum, [, n]) => sum + n, 0);
  const scale = Math.min(1, room / Math.max(1, total));
  const result: string[] = [];
  for (const [emoji, n] of kinds) {
    for (let i = 0; i < Math.max(1, Math.floor(n * scale)); i++) result.push(emoji);
  }
  return result.slice(0, room);
}
