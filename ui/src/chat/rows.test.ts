// @vitest-environment node
import { expect, test } from 'vitest';
import { EMPTY, type Line, type Log } from './log';
import { moved, SHOWN, view } from './rows';

const line = (n: number, more: Partial<Line> = {}): Line => ({
  id: `m${String(n).padStart(5, '0')}`, at: n * 1_000, changedAt: n, senderId: `f-${n}`, name: `F${n}`, role: 'fan', text: `t${n}`, clientAt: n, redacted: false, ...more,
});
const log = (lines: Line[]): Log => ({ ...EMPTY, lines });
const many = log(Array.from({ length: 500 }, (_, n) => line(n + 1)));

test('following shows the newest 200 and nothing is below', () => {
  const { rows, below, above } = view(many, null, true);
  expect([rows.length, rows.at(-1)!.line.id, below, above]).toEqual([SHOWN, 'm00500', 0, 300]);
});

test('reading the past: the window stays and what is below is counted, without what was removed', () => {
  const held = view(many, many.lines[449]!, true);
  expect([held.rows.at(-1)!.line.id, held.below]).toEqual(['m00450', 50]);
  const cleaned = log(many.lines.map((each) => (each.at > 490_000 ? { ...each, redacted: true } : each)));
  expect(view(cleaned, many.lines[449]!, true).below).toBe(40);
});

test('the window moves up and down by pages and follows again at the newest', () => {
  const up = moved(many, null, -50)!;
  expect(up.id).toBe('m00450');
  expect(moved(many, up, 50)).toBeNull();
  expect(moved(many, many.lines[210]!, -50)!.id).toBe('m00200'); // never less than a full window
});

test('the window holds even when its last line has been deleted', () => {
  const without = log(many.lines.filter((each) => each.id !== 'm00450'));
  expect(view(without, many.lines[449]!, true).rows.at(-1)!.line.id).toBe('m00449');
});

test('a voice is named once in a group of at most five lines within a minute', () => {
  const heads = (lines: Line[]) => view(log(lines), null, true).rows.map((row) => row.head);
  const anna = { senderId: 'f-a' };
  expect(heads([1, 2, 3, 4, 5, 6].map((n) => line(n, anna)))).toEqual([true, false, false, false, false, true]);
  expect(heads([line(1, anna), line(62, anna)])).toEqual([true, true]);
  expect(heads([line(1, anna), line(2), line(3, anna)])).toEqual([true, true, true]);
});

test('a removed flood is one row for fans and one row each for moderators', () => {
  const flood = [1, 2, 3].map((n) => line(n, { senderId: 'f-a', redacted: true }));
  expect(view(log(flood), null, true).rows).toMatchObject([{ removed: true, count: 3 }]);
  expect(view(log(flood), null, false).rows).toHaveLength(3);
});
