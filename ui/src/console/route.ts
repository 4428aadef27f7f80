// The console's addresses. They live behind the #, so one shell serves them all and the sign-in token never reaches a log.

export type Route =
  | { page: 'shows' }
  | { page: 'new' }
  | { page: 'show'; id: string }
  | { page: 'edit'; id: string }
  | { page: 'unknown' };

/** Reads location.hash. An empty one is the list of shows. */
export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#\/?/, '').replace(/\/+$/, '');
  if (path === '') return { page: 'shows' };
  if (path === 'new') return { page: 'new' };
  const m = /^shows\/([^/]+)(\/edit)?$/.exec(path);
  if (!m?.[1]) return { page: 'unknown' };
  try {
    const id = decodeURIComponent(m[1]);
    return m[2] ? { page: 'edit', id } : { page: 'show', id };
  } catch {
    return { page: 'unknown' };
  }
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
    default:
      return '#/';
  }
}

/** The one-time token of a sign-in link (`#sign-in=TOKEN`), or null. */
export function signInToken(hash: string): string | null {
  const m = /^#sign-in=(.+)$/.exec(hash);
  return m?.[1] ?? null;
}
