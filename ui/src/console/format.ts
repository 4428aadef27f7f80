// Words and figures as a person reads them. Everything here is a pure function of its arguments, `now` included.

/** The page's words are English, so its figures are too: a German "1.240" inside an English sentence reads as 1.24. */
export const locale = (): string => {
  const wanted = globalThis.navigator?.language ?? 'en-GB';
  return wanted.toLowerCase().startsWith('en') ? wanted : 'en-GB';
};

const numbers = new Map<string, Intl.NumberFormat>();

/** A whole number with thousands separators: 1240 → "1,240". */
export function count(n: number): string {
  const key = locale();
  let f = numbers.get(key);
  if (!f) numbers.set(key, (f = new Intl.NumberFormat(key, { maximumFractionDigits: 0 })));
  return f.format(n);
}

/** "1 ticket", "2,003 tickets". English only needs the two forms. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** Calls a second with one digit behind the point, always: the figure changes each second and must not change its width. */
export const rate = (perSecond: number): string => perSecond.toFixed(1);

/** The provider's limit behind the rate: "of 10/s", or the preset's own word ("unlimited") where it is no figure. */
export const limit = (preset: string): string => (/^\d/.test(preset) ? `of ${preset}` : preset);

/** A file size: 812 B, 14.2 KB, 3.1 MB (powers of 1,000, as file managers count). */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  for (const [unit, size] of [['KB', 1e3], ['MB', 1e6], ['GB', 1e9]] as const) {
    if (n < size * 999.95 || unit === 'GB') return `${(n / size).toFixed(1)} ${unit}`;
  }
  return `${n} B`;
}

/** A length of time in its two largest units: "45 s", "18 min", "3 h 12 min", "2 days 4 h". Takes milliseconds, ignores the sign. */
export function duration(ms: number): string {
  const s = Math.round(Math.abs(ms) / 1000);
  if (s < 90) return `${s} s`;
  const min = Math.round(s / 60);
  if (min < 90) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
  const days = Math.floor(h / 24);
  const rest = h % 24;
  return `${days} ${days === 1 ? 'day' : 'days'}${rest === 0 || days > 6 ? '' : ` ${rest} h`}`;
}

/** "in 18 min", "18 min ago", "now" (within five seconds, where counting would only flicker). */
export function relative(at: number, now: number): string {
  const d = at - now;
  if (Math.abs(d) < 5_000) return 'now';
  return d > 0 ? `in ${duration(d)}` : `${duration(d)} ago`;
}

const dates = new Map<string, Intl.DateTimeFormat>();

function dateFormat(key: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const id = `${key} ${zone} ${locale()}`;
  let f = dates.get(id);
  if (!f) {
    // A zone this browser does not know (its data can be older than the server's) is shown as UTC, and named so.
    const timeZone = knownZone(zone) ? zone : 'UTC';
    dates.set(id, (f = new Intl.DateTimeFormat(locale(), { ...options, timeZone })));
  }
  return f;
}

/** Whether this browser can compute with the IANA zone. */
export function knownZone(zone: string): boolean {
  if (zone === '') return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** "20:00" in the zone; 24 hours, since 8:00 at doors has been read as the morning before. */
export const clock = (at: number, zone: string): string =>
  dateFormat('clock', zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);

/** "Sun 22 Nov 2026, 20:00 CET" in the zone. */
export const moment = (at: number, zone: string): string =>
  dateFormat('moment', zone, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(at);

/** "28 Nov 2026, 07:41:05" in the zone: where the order of things within a minute matters. */
export const precise = (at: number, zone: string): string =>
  dateFormat('precise', zone, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(at);

/** A word for the day in the zone, good for comparing only. */
export const zonedDay = (at: number, zone: string): string =>
  dateFormat('day', zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);

/** The clock alone if `at` is on the same day as `now` in that zone, the whole moment otherwise. */
export const clockOrMoment = (at: number, now: number, zone: string): string =>
  zonedDay(at, zone) === zonedDay(now, zone) ? clock(at, zone) : moment(at, zone);

/** The zone this browser lives in. */
export const browserZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** Reads an RFC 3339 time; null stays null and nonsense becomes null, so that a view never prints "Invalid Date". */
export function parse(at: string | null | undefined): number | null {
  if (!at) return null;
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? null : ms;
}
