import { expect, it } from 'vitest';
import { href, parseRoute, signInToken, type Route } from './route';

it('reads back every address it writes', () => {
  const routes: Route[] = [{ page: 'shows' }, { page: 'new' }, { page: 'show', id: 'ev/1 ä' }, { page: 'edit', id: 'ev1' }];
  for (const r of routes) expect(parseRoute(href(r))).toEqual(r);
});

it('sends nobody into a half-read address', () => {
  expect(parseRoute('#/shows')).toEqual({ page: 'unknown' });
  expect(parseRoute('#/shows/%E0%A4%A')).toEqual({ page: 'unknown' });
  expect(parseRoute('')).toEqual({ page: 'shows' });
});

it('finds the sign-in token and nothing else', () => {
  expect(signInToken('#sign-in=abc123')).toBe('abc123');
  expect(signInToken('#/shows/sign-in=abc')).toBeNull();
  expect(signInToken('#sign-in=')).toBeNull();
});
