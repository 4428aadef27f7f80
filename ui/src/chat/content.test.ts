// @vitest-environment node
import { expect, test } from 'vitest';
import { countGraphemes, isOnlyEmoji, plain, readContent, roleOf, writeLine } from './content';

test('what is written is read again', () => {
  expect(readContent(writeLine('Grüße https://example.com', 5))).toEqual({ kind: 'line', text: 'Grüße https://example.com', clientAt: 5 });
});

test.each(['', 'null', '1', '{}', '{"v":2,"kind":"line","text":"x"}', '{"v":1,"kind":"line","text":5}', '{"v":1,"kind":"action","act":"promote","target":"f-1"}'])(
  'unknown content is ignored: %s',
  (raw) => expect(readContent(raw)).toBeNull(),
);

test('characters that make text lie are taken out, the ones that emoji and scripts need stay', () => {
  expect(plain('ab\u202Egnp.exe')).toBe('abgnp.exe');
  expect(plain('a\u200Bb\u2066c\uFEFF\u0007')).toBe('abc');
  expect(plain(' two\nlines\t here ')).toBe('two lines here');
  expect(plain('👩‍👩‍👧 می‌خواهم')).toBe('👩‍👩‍👧 می‌خواهم');
});

test('length is counted as people count', () => {
  expect(countGraphemes('👩‍👩‍👧é')).toBe(2);
});

test('a role comes from the id alone', () => {
  expect([roleOf('f-1'), roleOf('a-1'), roleOf('m-1'), roleOf('moderator'), roleOf('')]).toEqual(['fan', 'artist', 'moderator', null, null]);
});

test('one to three emoji are large, everything else is not', () => {
  expect(['❤️', '🔥🔥🔥', '👩‍👩‍👧 👍🏽'].map(isOnlyEmoji)).toEqual([true, true, true]);
  expect(['🔥🔥🔥🔥', 'ok 🔥', '', '1', '#'].map(isOnlyEmoji)).toEqual([false, false, false, false, false]);
});
