// @vitest-environment node
import { expect, test } from 'vitest';
import { digest } from './digest';
import type { Line } from './log';

const line = (name: string, text: string, role: Line['role'] = 'fan'): Line => ({ id: text, at: 1, changedAt: 1, senderId: name, name, role, text, clientAt: 1, redacted: false });

test('a slow chat is read line by line', () => {
  expect(digest([line('Anna', 'hello')], 'all', null)).toBe('Anna says: hello.');
});

test('a fast chat is summed up, with the artist and what names the reader in words', () => {
  const lines = [line('A', 'one'), line('B', 'two'), line('Mara', 'thank you', 'artist'), line('C', 'hi jonas')];
  expect(digest(lines, 'all', 'Jonas')).toBe('4 new messages. Artist Mara says: thank you. C says: hi jonas.');
});

test('the reader chooses', () => {
  const lines = [line('A', 'one'), line('Mara', 'thank you', 'artist')];
  expect(digest(lines, 'artist', null)).toBe('Artist Mara says: thank you.');
  expect(digest(lines, 'none', null)).toBe('');
  expect(digest([], 'all', null)).toBe('');
});
