import { expect, it } from 'vitest';
import { noFilters } from './resources';
import { href, parseRoute, signInToken, type Route } from './route';

it('reads back every address it writes', () => {
  const routes: Route[] = [
    { page: 'shows' },
    { page: 'new' },
    { page: 'show', id: 'ev/1 ä' },
    { page: 'edit', id: 'ev1' },
    { page: 'provisioning' },
    { page: 'places' },
    { page: 'strangers' },
    { page: 'resources', filters: noFilters },
    { page: 'resources', filters: { text: 'Anna & Bo? #1', event: 'ev1', kind: 'user', state: 'failed' } },
    { page: 'resource', key: { event: 'ev1', kind: 'membership', subject: 'tk1' } },
    { page: 'resource', key: { event: '', kind: 'instance', subject: '' } },
  ];
  for (const r of routes) expect(parseRoute(href(r))).toEqual(r);
});

it('sends nobody into a half-read address', () => {
  expect(parseRoute('#/shows')).toEqual({ page: 'unknown' });
  expect(parseRoute('#/shows/%E0%A4%A')).toEqual({ page: 'unknown' });
  expect(parseRoute('#/resources/ev1/spaceship/tk1')).toEqual({ page: 'unknown' });
  expect(parseRoute('#/resources?state=odd&kind=odd')).toEqual({ page: 'resources', filters: noFilters });
  expect(parseRoute('')).toEqual({ page: 'shows' });
});

it('finds the sign-in token and nothing else', () => {
  expect(signInToken('#sign-in=abc123')).toBe('abc123');
  expect(signInToken('#/shows/sign-in=abc')).toBeNull();
  expect(signInToken('#sign-in=')).toBeNull();
});
