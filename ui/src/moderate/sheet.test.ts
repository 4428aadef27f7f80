import { fireEvent, render, screen } from '@testing-library/svelte';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Line } from '../chat/log';
import Sheet from './Sheet.svelte';

const line = { id: '1', name: 'Anna', text: 'hello' } as Line;
const onBan = vi.fn();

beforeEach(() => {
  onBan.mockReset();
  // jsdom has dialogs, but not their methods.
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
  render(Sheet, { line, mayBan: true, onRemove: () => {}, onBan, onClose: () => {} });
});

// The newest lines stand where the sheet appears: lifting the finger of the long press pressed "Ban".
test('the finger that opened the sheet presses nothing in it', async () => {
  const ban = screen.getByTestId('mod-sheet-ban');
  await fireEvent.click(ban, { detail: 1 });
  expect(onBan).not.toHaveBeenCalled();
  await fireEvent.pointerDown(ban);
  await fireEvent.click(ban, { detail: 1 });
  expect(onBan).toHaveBeenCalledOnce();
});

test('a key chooses at once', async () => {
  await fireEvent.click(screen.getByTestId('mod-sheet-ban'), { detail: 0 });
  expect(onBan).toHaveBeenCalledOnce();
});
