// Dates and spans in words. Everything is said in the viewer's language and zone, and the show's own zone beside it.

/** "Sunday, 22 November, 20:00 CET" in the zone given; the viewer's when none is. */
export function moment(iso: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(undefined, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
    ...(timeZone ? { timeZone } : {}),
  }).format(new Date(iso));
}

/** "20:00" in the viewer's zone. */
export function hour(time: string | number): string {
  return new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(new Date(time));
}

/** The time on the show's own clock with its place, or '' when the viewer's clock shows the same. UTC is no place. */
export function elsewhere(iso: string, timeZone: string): string {
  try {
    const wall = (zone?: string) =>
      new Intl.DateTimeFormat('en-GB', { dateStyle: 'short', timeStyle: 'short', ...(zone ? { timeZone: zone } : {}) }).format(new Date(iso));
    return wall() === wall(timeZone) ? '' : [moment(iso, timeZone), ...city(timeZone)].join(', ');
  } catch {
    return ''; // a zone this browser does not know
  }
}

function city(timeZone: string): string[] {
  const [area, ...rest] = timeZone.split('/');
  return rest.length === 0 || area === 'Etc' ? [] : [rest.at(-1)!.replaceAll('_', ' ')];
}

export interface Span {
  value: number;
  unit: 'd' | 'h' | 'min' | 's';
}

/** The two biggest parts of a span: 2 d 4 h, 4 h 12 min, 12 min 5 s, 5 s. Never below zero. */
export function spanParts(ms: number): Span[] {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const parts: Span[] = [
    { value: Math.floor(seconds / 86_400), unit: 'd' },
    { value: Math.floor(seconds / 3_600) % 24, unit: 'h' },
    { value: Math.floor(seconds / 60) % 60, unit: 'min' },
    { value: seconds % 60, unit: 's' },
  ];
  const first = Math.max(0, parts.findIndex((part) => part.value > 0));
  return seconds === 0 ? [parts[3]!] : parts.slice(first, first + 2);
}

export function spanText(ms: number): string {
  return spanParts(ms)
    .map((part) => `${part.value} ${part.unit}`)
    .join(' ');
}
