// @vitest-environment node
import { expect, test } from 'vitest';
import { Owed, share } from './reactions';

test("one's own reaction, shown at once, does not fly again with the tick", () => {
  const owed = new Owed();
  owed.add('🔥', 0);
  expect(owed.settle({ '🔥': 3, '❤️': 1 }, 300)).toEqual({ '🔥': 2, '❤️': 1 });
  expect(owed.settle({ '🔥': 3 }, 600)).toEqual({ '🔥': 3 });
});

test('a reaction the server never counted is forgotten', () => {
  const owed = new Owed();
  owed.add('🔥', 0);
  expect(owed.settle({ '🔥': 1 }, 5_000)).toEqual({ '🔥': 1 });
});

test('a storm is cut to what fits, and every kind is still seen', () => {
  const particles = share({ '❤️': 9_000, '🎉': 1 }, 20);
  expect(particles).toHaveLength(20);
  expect(new Set(share({ '🎉': 1, '❤️': 9_000 }, 20))).toEqual(new Set(['🎉', '❤️']));
  expect(share({ '👏': 3 }, 20)).toEqual(['👏', '👏', '👏']);
  expect(share({ '👏': 3 }, 0)).toEqual([]);
});
