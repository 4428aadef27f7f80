import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import LifeCycle from './LifeCycle.svelte';
import { ConsoleModel } from './model.svelte';
import { sampleEvent } from './samples';
import type { EventAdmin } from './types';

let calls: string[];
let answer: () => Response;

beforeEach(() => {
  calls = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    calls.push(`${init.method} ${path}`);
    return answer();
  });
  HTMLDialogElement.prototype.showModal = function () { this.open = true; };
  HTMLDialogElement.prototype.close = function () { this.open = false; this.dispatchEvent(new Event('close')); };
});
afterEach(() => vi.unstubAllGlobals());

const show = (more: Partial<EventAdmin>) => {
  const model = new ConsoleModel();
  vi.spyOn(model, 'refresh').mockResolvedValue();
  return { model, ...render(LifeCycle, { model, event: sampleEvent(more) }) };
};
const buttons = () => screen.getAllByRole('button').map((b) => b.dataset['testid']).filter((id) => id && !id.startsWith('confirm'));

describe('what an organizer can do', () => {
  const sealed = { messages: 2, bytes: 9, sha256: 'x', exportedAt: '2026-11-22T22:00:00Z', sealed: true, waitsUntil: null };
  test.each<[string, Partial<EventAdmin>, string[]]>([
    ['before doors', { state: 'scheduled' }, ['start-now', 'cancel-show']],
    ['with open doors', { state: 'open' }, ['start-now', 'end-show', 'cancel-show']],
    ['while it is live: a live show is ended, not cancelled', { state: 'live' }, ['end-show']],
    ['after the end', { state: 'ended' }, ['reopen-show']],
    ['when it is cancelled', { state: 'cancelled' }, ['uncancel-show']],
    ['when nothing was said and all is gone', { state: 'cancelled', archive: { ...sealed, messages: 0 } }, ['uncancel-show']],
  ])('%s', (_, event, want) => {
    show(event);
    expect(buttons()).toEqual(want);
  });
  test('when what was said is sealed: nothing, and why', () => {
    show({ state: 'cancelled', archive: sealed });
    expect(screen.queryByTestId('uncancel-show')).toBeNull();
    expect(screen.getByTestId('cancelled-for-good').textContent).toContain('Make a new one');
  });
});

test('cancelling asks once and says what follows', async () => {
  const { model } = show({ state: 'scheduled' });
  const put = vi.spyOn(model, 'put');
  await fireEvent.click(screen.getByTestId('cancel-show'));
  const dialog = screen.getByRole('dialog');
  expect(dialog.textContent).toContain('Cancel “Winter Songs”?');
  expect(dialog.textContent).toContain('all 1,000 chat users are deleted');
  expect(calls).toEqual([]);
  answer = () => Response.json(sampleEvent({ state: 'cancelled' }));
  await fireEvent.click(screen.getByTestId('confirm-cancel'));
  await waitFor(() => expect(put).toHaveBeenCalled());
  expect(calls).toEqual(['POST /api/v1/console/events/ev1/cancel']);
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('why a show cannot come back is said beside the button', async () => {
  show({ state: 'cancelled' });
  answer = () => Response.json({ status: 409, code: 'start_passed', detail: 'The start of the show lies in the past. Change its times first.' }, { status: 409 });
  await fireEvent.click(screen.getByTestId('uncancel-show'));
  expect((await screen.findByRole('alert')).textContent).toContain('Change its times first.');
  expect(calls).toEqual(['POST /api/v1/console/events/ev1/uncancel']);
});
