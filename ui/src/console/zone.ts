// Wall clock ↔ instant in a named time zone. A form speaks wall clock ("20:00 in Berlin"), the server instants;
// browsers give no function for the way from the first to the second.

/** The value of a `datetime-local` field: "2026-11-22T20:00", no zone, no seconds. */
export type WallClock = string;

const wallPattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::\d{2})?$/;

/** Reads a wall clock as if it were UTC; null if it is not one. Good for arithmetic on the clock face alone. */
function asUTC(wall: WallClock): number | null {
  const m = wallPattern.exec(wall);
  if (!m) return null;
  const ms = Date.UTC(Number(m[1]), Number(m[2]) - 1, Number(m[3]), Number(m[4]), Number(m[5]));
  return Number.isNaN(ms) ? null : ms;
}

const fromUTC = (ms: number): WallClock => new Date(ms).toISOString().slice(0, 16);

/** What a clock on the wall of that zone shows at the instant. Throws RangeError for a zone the browser does not know. */
export function toWall(at: number, zone: string): WallClock {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}`;
}

/**
 * The instant at which that zone's clocks show `wall`; null if wall is not a wall clock. When the clocks jump over the
 * time (spring), the answer is after the jump; when they show it twice (autumn), it is the first of the two.
 * Throws RangeError for a zone the browser does not know.
 */
export function toInstant(wall: WallClock, zone: string): number | null {
  const face = asUTC(wall);
  if (face === null) return null;
  const offsetAt = (at: number) => (asUTC(toWall(at, zone)) ?? at) - at;
  // The offsets a day before and after cover any change near that time; the larger one gives the earlier instant.
  const day = 86_400_000;
  const candidates = [offsetAt(face - day), offsetAt(face + day)].sort((a, b) => b - a);
  for (const offset of candidates) {
    if (toWall(face - offset, zone) === fromUTC(face)) return face - offset;
  }
  return face - Math.min(...candidates);
}

/** The wall clock so many minutes earlier on the same clock face; "" if `wall` is not a wall clock. */
export function minutesBefore(wall: WallClock, minutes: number): WallClock {
  const face = asUTC(wall);
  return face === null ? '' : fromUTC(face - minutes * 60_000);
}
