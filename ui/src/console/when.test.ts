import { render } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import { ConsoleModel } from './model.svelte';
import { sampleEvent, sampleStatus } from './samples';
import ShowPage from './ShowPage.svelte';
import type { EventAdmin } from './types';

/** What stands beside a word in the head of a show's page, two minutes before its start. */
function beside(state: EventAdmin['state'], word: string): string {
  const event = sampleEvent({ state, doorsAt: '2026-11-22T19:29:00.000Z', chat: false });
  const model = new ConsoleModel();
  Object.defineProperty(model, 'now', { get: () => Date.parse('2026-11-22T19:28:00.000Z') });
  const view = { organizer: { name: 'A' }, events: [event], provision: sampleStatus(), serverTime: '2026-11-22T19:28:00.000Z' };
  const { container, unmount } = render(ShowPage, { model, event, view });
  const text = [...container.querySelectorAll('dl div')].find((d) => d.firstElementChild?.textContent === word)?.lastElementChild?.textContent ?? '';
  unmount();
  return text;
}

// A show that was ended before its time had its start "in 2 min".
it('says how far away a moment is only while it is expected', () => {
  expect(beside('scheduled', 'Doors')).toContain('in 60 s');
  expect(beside('scheduled', 'Start')).toContain('in 2 min');
  expect(beside('open', 'Start')).toContain('in 2 min');
  expect(beside('open', 'Doors')).not.toContain('in ');
  for (const state of ['live', 'ended', 'archived', 'purged', 'cancelled'] as const) {
    expect(beside(state, 'Start'), state).not.toContain('in ');
    expect(beside(state, 'Doors'), state).not.toContain('in ');
  }
});
