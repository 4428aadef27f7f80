// The console's addresses. They live behind the #, so one shell serves them all and the sign-in token never reaches a log.

import { kinds, states, type Filters, type ResourceKey } from './resources';

export type Route =
  | { page: 'shows' }
  | { page: 'new' }
  | { page: 'show'; id: string }
  | { page: 'edit'; id: string }
  | { page: 'provisioning' }
  | { page: 'resources'; filters: Filters }
  | { page: 'places' }
  | { page: 'strangers' }
  | { page: 'resource'; key: ResourceKey }
  | { page: 'unknown' };

/** Reads location.hash. An empty one is the list of shows. */
export function parseRoute(hash: string): Route {
  const [before = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const path = before.replace(/\/+$/, '');
  if (path === '') return { page: 'shows' };
  if (path === 'new') return { page: 'new' };
  if (path === 'provisioning') return { page: 'provisioning' };
  if (path === 'resources/places') return { page: 'places' };
  if (path === 'resources/strangers') return { page: 'strangers' };
  if (path === 'resources') return { page: 'resources', filters: parseFilters(query) };
  try {
    const [room, ...parts] = path.split('/').map(decodeURIComponent);
    if (room === 'shows') return showRoute(parts);
    if (room === 'resources') return resourceRoute(parts);
  } catch {
    // A half-copied %: no address of ours.
  }
  return { page: 'unknown' };
}

function showRoute(parts: string[]): Route {
  const [id, edit] = parts;
  if (!id || parts.length > 2 || (parts.length === 2 && edit !== 'edit')) return { page: 'unknown' };
  return edit ? { page: 'edit', id } : { page: 'show', id };
}

function resourceRoute(parts: string[]): Route {
  const [event, name, subject] = parts;
  const kind = kinds.find((k) => k === name);
  if (!event || !kind || !subject || parts.length !== 3) return { page: 'unknown' };
  return { page: 'resource', key: { event: event === '-' ? '' : event, kind, subject: subject === '-' ? '' : subject } };
}

/** Unknown words in an old or mistyped address filter nothing. */
function parseFilters(query: string): Filters {
  const q = new URLSearchParams(query);
  return {
    text: q.get('q') ?? '',
    event: q.get('event') ?? '',
    kind: kinds.find((k) => k === q.get('kind')) ?? '',
    state: states.find((s) => s === q.get('state')) ?? '',
  };
}

/** The link to a route, for href and location.hash. */
export function href(route: Route): string {
  switch (route.page) {
    case 'new':
      return '#/new';
    case 'show':
      return `#/shows/${encodeURIComponent(route.id)}`;
    case 'edit':
      return `#/shows/${encodeURIComponent(route.id)}/edit`;
    case 'provisioning':
      return '#/provisioning';
    case 'resources':
      return `#/resources${queryOf(route.filters)}`;
    case 'places':
      return '#/resources/places';
    case 'strangers':
      return '#/resources/strangers';
    case 'resource':
      return `#/resources/${keyPath(route.key)}`;
    default:
      return '#/';
  }
}

/** A resource in an address of the API or the console: a dash stands for an empty part. */
export const keyPath = (k: ResourceKey): string => [k.event || '-', k.kind, k.subject || '-'].map(encodeURIComponent).join('/');

/** "?event=…&q=…", "" when nothing is filtered. */
export function queryOf(f: Filters): string {
  const q = new URLSearchParams();
  if (f.text.trim() !== '') q.set('q', f.text.trim());
  if (f.event !== '') q.set('event', f.event);
  if (f.kind !== '') q.set('kind', f.kind);
  if (f.state !== '') q.set('state', f.state);
  const text = q.toString();
  return text === '' ? '' : `?${text}`;
}

/** The one-time token of a sign-in link (`#sign-in=TOKEN`), or null. */
export function signInToken(hash: string): string | null {
  const m = /^#sign-in=(.+)$/.exec(hash);
  return m?.[1] ?? null;
}
