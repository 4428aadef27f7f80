// The chat as a person sees it, over a provider that can be cut, silenced and refused.
import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Me } from '../api/types';
import { ready, TinyChime } from '../chime/tiny';
import type { Visit } from '../visit/visit.svelte';
import Chat from './Chat.svelte';
import { writeLine } from './content';
import { Room } from './room.svelte';

let chime: TinyChime;
let room: Room;
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const lines = () => screen.queryAllByTestId('chat-line').map((line) => line.querySelector('.said, .gone')!.textContent);

async function open(): Promise<void> {
  room = new Room('night');
  const me: Partial<Me> = { nickname: 'Anna', banned: null };
  render(Chat, { room, visit: { me, event: { slug: 'night' } } as Visit });
  await later(300);
}

async function type(text: string): Promise<void> {
  const box = screen.getByTestId('chat-input');
  await fireEvent.input(box, { target: { value: text } });
  await fireEvent.keyDown(box, { key: 'Enter' });
}

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
  chime = new TinyChime();
  chime.install();
});
afterEach(() => {
  room.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a web address is text and nothing else, markup too', async () => {
  chime.post(writeLine('see https://example.com <b>now</b>', 1));
  await open();
  expect(lines()).toEqual(['see https://example.com <b>now</b>']);
  expect(document.querySelector('a, b')).toBeNull();
});

test('the box is emptied by sending only; what was typed survives a reload', async () => {
  await open();
  await fireEvent.input(screen.getByTestId('chat-input'), { target: { value: 'half a thou' } });
  room.close();
  document.body.replaceChildren();
  await open();
  expect((screen.getByTestId('chat-input') as HTMLTextAreaElement).value).toBe('half a thou');
  await fireEvent.keyDown(screen.getByTestId('chat-input'), { key: 'Enter' });
  expect((screen.getByTestId('chat-input') as HTMLTextAreaElement).value).toBe('');
});

test('while an input method composes, Enter does not send', async () => {
  await open();
  const box = screen.getByTestId('chat-input');
  await fireEvent.input(box, { target: { value: 'にほん' } });
  await fireEvent.keyDown(box, { key: 'Enter', isComposing: true });
  expect(screen.queryAllByTestId('chat-pending')).toEqual([]);
});

test('a line that did not get through keeps its text, says so, and goes with Retry', async () => {
  await open();
  chime.status = 0;
  await type('hello');
  await later(20_000);
  const pending = screen.getByTestId('chat-pending');
  expect(pending.textContent).toContain('hello');
  expect(pending.textContent).toContain('Not sent.');
  chime.status = 200;
  await fireEvent.click(screen.getByTestId('chat-retry'));
  await later(20_000);
  expect(screen.queryAllByTestId('chat-pending')).toEqual([]);
  expect(lines()).toEqual(['hello']);
});

test('the counter shows in the last fifth, and too long a line is not sent', async () => {
  chime.answer = () => ready({ maxLine: 10 });
  await open();
  const box = screen.getByTestId('chat-input');
  await fireEvent.input(box, { target: { value: '12345678' } });
  expect(document.getElementById('left')!.textContent).toBe('');
  await fireEvent.input(box, { target: { value: '12345678👩‍👩‍👧' } });
  expect(document.getElementById('left')!.textContent).toBe('1');
  await type('12345678901');
  expect(document.getElementById('left')!.textContent).toBe('1 too many');
  expect((box as HTMLTextAreaElement).value).toBe('12345678901');
});

test('the chat rests when the provider is gone, keeps its lines, and comes back by itself', async () => {
  chime.post(writeLine('before', 1));
  await open();
  chime.status = 0;
  chime.cut();
  await later(15_000);
  expect(screen.getByTestId('chat-state').textContent).toContain('The chat is resting, the show goes on');
  expect(lines()).toEqual(['before']);
  chime.status = 200;
  chime.post(writeLine('after', 2));
  await later(10_000);
  expect(screen.queryByTestId('chat-state')).toBeNull();
  expect(lines()).toEqual(['before', 'after']);
});

test('a place being made is told with its number, and opens by itself', async () => {
  chime.answer = () => ready({ state: 'preparing', pass: null, made: 40, total: 300, retryMs: 2_000 });
  await open();
  expect(screen.getByTestId('chat-state').textContent).toContain('40 of 300');
  chime.answer = () => ready();
  await later(3_000);
  expect(screen.queryByTestId('chat-state')).toBeNull();
  expect(screen.getByTestId('chat-send')).toBeTruthy();
});

test('who has no name at the chat yet may read and type, but not send', async () => {
  chime.post(writeLine('hi', 1));
  chime.answer = () => ready({ state: 'naming', retryMs: 60_000 });
  await open();
  expect(lines()).toEqual(['hi']);
  await type('me too');
  expect(screen.queryAllByTestId('chat-pending')).toEqual([]);
  expect((screen.getByTestId('chat-input') as HTMLTextAreaElement).value).toBe('me too');
});

test('a closed chat has no box', async () => {
  chime.answer = () => ready({ state: 'closed', pass: null, detail: 'The show is over.' });
  await open();
  expect(screen.getByTestId('chat-state').textContent).toContain('The show is over.');
  expect(screen.queryByTestId('chat-input')).toBeNull();
});

// dir="auto" took the direction from our own "(you)" or from a badge: a writer's own right-to-left lines ran left to right.
test('a line runs in the direction of its own words, whatever stands before them', async () => {
  chime.post(writeLine('مرحبا', 1));
  chime.messages[0]!.Sender = { Arn: 'x/user/a-1', Name: 'Mara' };
  await open();
  const text = screen.getByTestId('chat-line').querySelector('.text')!;
  const counted = [...text.children].filter((part) => !part.hasAttribute('dir') && !part.querySelector('bdi') && part.tagName !== 'BDI');
  expect(counted[0]!.textContent).toBe('مرحبا');
});

// Thirty lines typed fast arrived as "11, 13, 12, 14": each was a request of its own, and they overtook each other.
test('lines typed fast arrive in the order they were typed', async () => {
  await open();
  const quick = fetch;
  let slow = 300;
  vi.stubGlobal('fetch', async (url: URL | string, init: RequestInit) => {
    if (init.method === 'POST') await new Promise((resolve) => setTimeout(resolve, (slow -= 100)));
    return quick(url, init);
  });
  await type('first');
  await type('second');
  await later(1_000);
  expect(lines()).toEqual(['first', 'second']);
});
