// @vitest-environment node
// Every text colour on every surface it is meant for has at least 4.5:1, in both themes: WCAG 2.2, success criterion 1.4.3.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

type Theme = Record<string, string>;

function read(file: string, where: RegExp): Theme {
  const block = where.exec(readFileSync(new URL(file, import.meta.url), 'utf8'));
  if (!block) throw new Error(`no ${where} in ${file}`);
  return Object.fromEntries([...block[1]!.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((match) => [match[1]!, match[2]!]));
}

const LIGHT = /^:root \{([^}]*)\}/m;
const DARK = /:root:not\(\[data-theme='light'\]\) \{([^}]*)\}/;
const light = { ...read('../theme.css', LIGHT), ...read('../chat/chat.css', LIGHT) };
const dark = { ...light, ...read('../theme.css', DARK), ...read('../chat/chat.css', DARK) };
const paper = read('../theme.css', /^\.paper \{([^}]*)\}/m);

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m) as [number, number];
  return (x + 0.05) / (y + 0.05);
}

const texts = ['ink', 'ink-soft', 'ink-faint', 'lamp', 'bad', 'good'];
const tints = Array.from({ length: 12 }, (_, i) => `tint-${i}`);
const surfaces = ['ground', 'stage', 'raised', 'curtain'];
const fills = [['on-lamp', 'lamp-fill'], ['on-lamp', 'lamp-fill-hover'], ['on-bad', 'bad-fill'], ['on-artist', 'artist'], ['on-crew', 'crew']] as const;

describe.each([['light', light], ['dark', dark]] as [string, Theme][])('%s theme', (_name, theme) => {
  test.each(texts.flatMap((text) => surfaces.map((surface) => [text, surface])))('%s on %s', (text, surface) => {
    expect(ratio(theme[text!]!, theme[surface!]!)).toBeGreaterThanOrEqual(4.5);
  });
  test.each(tints)('a voice in %s on every surface of the chat', (tint) => {
    for (const surface of ['ground', 'stage', 'raised']) expect(ratio(theme[tint]!, theme[surface]!)).toBeGreaterThanOrEqual(4.5);
  });
  test.each(fills)('%s on %s', (text, fill) => {
    expect(ratio(theme[text]!, theme[fill]!)).toBeGreaterThanOrEqual(4.5);
  });
  test('text on the ticket, which is paper in both themes', () => {
    for (const text of texts) expect(ratio(paper[text]!, theme.paper!)).toBeGreaterThanOrEqual(4.5);
  });
  test('borders of fields can be seen (3:1)', () => {
    for (const surface of ['stage', 'raised']) expect(ratio(theme.edge!, theme[surface]!)).toBeGreaterThanOrEqual(3);
  });
});
