// The visit from stage to stage, with the server's answers written down and the live socket in the test's hand.
import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventView, LiveFrame, Me } from '../api/types';
import App from '../event/App.svelte';

class Live {
  static last: Live | null = null;
  static sent: string[] = [];
  readyState = 1;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  static OPEN = 1;
  constructor(readonly url: string | URL) {
    if (String(url).includes('/live')) Live.last = this;
  }
  send(data: string) {
    Live.sent.push(data);
  }
  close() {
    this.onclose?.({ code: 1005 });
  }
  say(frame: LiveFrame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

const hours = (n: number) => new Date(Date.now() + n * 3_600_000).toISOString();
const event = (more: Partial<EventView> = {}): EventView => ({
  slug: 'night', name: 'One Night', artist: 'Mara', description: 'Songs.', startsAt: hours(3), doorsAt: hours(2), timeZone: 'Asia/Kathmandu',
  chat: true, state: 'scheduled', serverTime: hours(0), ...more,
});
const me = (more: Partial<Me> = {}): Me => ({ role: 'fan', nickname: 'Anna', seat: 'held', banned: null, streamUrl: null, suggestions: [], ...more });

let answers: Record<string, () => Response>;
const problem = (status: number, detail: string, more = {}) => () => Response.json({ status, detail, code: 'x', ...more }, { status });

beforeEach(() => {
  answers = { 'POST chat/pass': () => Response.json({ state: 'preparing', detail: '', readyAt: null, made: 30, total: 120, retryMs: 60_000, maxLine: 300, pass: null }) };
  Live.last = null;
  Live.sent = [];
  vi.stubGlobal('WebSocket', Live);
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const answer = answers[`${init.method} ${path.replace('/api/v1/events/night/', '')}`];
    return answer ? answer() : problem(500, 'not written down')();
  });
  HTMLMediaElement.prototype.play = () => Promise.resolve();
  HTMLMediaElement.prototype.load = () => {};
  HTMLMediaElement.prototype.canPlayType = () => 'maybe';
});
afterEach(() => vi.unstubAllGlobals());

const open = (view: EventView, who: Me | null) => render(App, { boot: { event: view, me: who } });
async function enterCode(code: string) {
  await fireEvent.input(screen.getByTestId('code-input'), { target: { value: code } });
  await fireEvent.click(screen.getByTestId('code-submit'));
}

describe('in front of the door', () => {
  test("shows what is on, in the viewer's zone and the show's own, and when doors open", () => {
    open(event(), null);
    expect(screen.getByRole('heading', { name: 'One Night' })).toBeTruthy();
    expect(screen.getByText(/Kathmandu/)).toBeTruthy();
    expect(screen.getByRole('timer').textContent).toMatch(/Doors open in\s*(2 h|1 h)/);
  });

  test('an empty code is not sent, a wrong one is told in words and stays to be mended', async () => {
    answers['POST redeem'] = problem(404, 'This code is not known here.');
    open(event(), null);
    await fireEvent.click(screen.getByTestId('code-submit'));
    expect(screen.getByRole('alert').textContent).toContain('Type the code');
    await enterCode('abcd');
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('not known here'));
    expect((screen.getByTestId('code-input') as HTMLInputElement).value).toBe('abcd');
  });

  test('too many attempts: the button counts down and opens again', async () => {
    vi.useFakeTimers();
    answers['POST redeem'] = problem(429, 'Too many attempts.', { retryAfterMs: 2_500 });
    open(event(), null);
    await enterCode('abcd');
    await vi.advanceTimersByTimeAsync(10);
    expect(screen.getByTestId('code-submit').textContent).toContain('Try again in 3 s');
    expect(screen.getByTestId('code-submit')).toHaveProperty('disabled', true);
    await vi.advanceTimersByTimeAsync(3_100);
    expect(screen.getByTestId('code-submit')).toHaveProperty('disabled', false);
    vi.useRealTimers();
  });

  test('a cancelled show has no place for a code', () => {
    open(event({ state: 'cancelled' }), null);
    expect(screen.getByTestId('cancelled').textContent).toContain('This show is cancelled.');
    expect(screen.queryByTestId('code-input')).toBeNull();
    expect(screen.queryByRole('timer')).toBeNull();
  });

  test('no network is said as such', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')));
    open(event(), null);
    await enterCode('abcd');
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('No connection'));
  });

  test('a code opens the way to the name, and a name to the waiting room', async () => {
    answers['POST redeem'] = () => Response.json(me({ nickname: null, suggestions: ['Quick Falcon'] }));
    answers['PUT nickname'] = () => Response.json(me({ nickname: 'Quick Falcon' }));
    open(event(), null);
    await enterCode('ABCD');
    await fireEvent.click(await screen.findByRole('button', { name: 'Quick Falcon' }));
    expect(await screen.findByTestId('waiting')).toBeTruthy();
  });

  test('a taken name is told, and the typed one stays', async () => {
    answers['PUT nickname'] = problem(409, 'Somebody has this name, or one that looks like it.');
    open(event(), me({ nickname: null }));
    await fireEvent.input(screen.getByTestId('nickname-input'), { target: { value: 'Mara' } });
    await fireEvent.click(screen.getByTestId('nickname-submit'));
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('looks like it'));
    expect((screen.getByTestId('nickname-input') as HTMLInputElement).value).toBe('Mara');
  });
});

describe('inside', () => {
  const playing = () => open(event({ state: 'live' }), me({ streamUrl: '/live.m3u8' }));

  test('doors open by themselves: the waiting room becomes the hall', async () => {
    open(event(), me());
    expect(screen.getByTestId('waiting')).toBeTruthy();
    Live.last!.say({ t: 'me', me: me({ streamUrl: '/live.m3u8' }) });
    Live.last!.say({ t: 'event', event: event({ state: 'open' }) });
    expect(((await screen.findByTestId('player')) as HTMLVideoElement).src).toContain('/live.m3u8');
  });

  test('the picture plays while the chat is still being made, and the chat says how far it is', async () => {
    playing();
    expect(screen.getByTestId('player')).toBeTruthy();
    await waitFor(() => expect(screen.getByTestId('chat-state').textContent).toContain('30 of 120'), { timeout: 5_000 });
  });

  test('the seat taken elsewhere: the video is gone, the reason is said, one tap brings it back', async () => {
    answers['POST seat'] = () => Response.json(me({ streamUrl: '/live.m3u8' }));
    playing();
    Live.last!.say({ t: 'seat', reason: 'Another phone showed your code.' });
    expect((await screen.findByTestId('seat-lost')).textContent).toContain('Another phone showed your code.');
    expect(screen.queryByTestId('player')).toBeNull();
    await fireEvent.click(screen.getByTestId('seat-take-back'));
    expect(await screen.findByTestId('player')).toBeTruthy();
  });

  test('a seat that flaps has to wait, and is told so', async () => {
    answers['POST seat'] = problem(429, 'This ticket changes devices too often.', { retryAfterMs: 30_000 });
    open(event({ state: 'live' }), me({ seat: 'lost' }));
    await fireEvent.click(screen.getByTestId('seat-take-back'));
    await waitFor(() => expect(screen.getByTestId('seat-take-back').textContent).toContain('30 s'));
  });

  test('a revoked ticket ends the visit', async () => {
    playing();
    Live.last!.say({ t: 'revoked', reason: 'Refunded.' });
    expect((await screen.findByTestId('revoked')).textContent).toContain('Refunded.');
  });

  test('a ban closes the chat with its reason and leaves the picture', async () => {
    playing();
    await waitFor(() => expect(screen.getByTestId('chat-input')).toBeTruthy(), { timeout: 5_000 });
    Live.last!.say({ t: 'me', me: me({ streamUrl: '/live.m3u8', banned: { reason: 'Spam' } }) });
    expect((await screen.findByTestId('banned-notice')).textContent).toContain('Spam');
    expect(screen.queryByTestId('chat-input')).toBeNull();
    expect(screen.getByTestId('player')).toBeTruthy();
  });

  test('a reaction goes out over the live socket', async () => {
    playing();
    Element.prototype.animate = vi.fn(() => ({}) as Animation);
    await fireEvent.click(screen.getByTestId('reaction-🔥'));
    expect(Live.sent).toEqual(['{"t":"react","emoji":"🔥"}']);
  });

  test('a cancelled show takes the hall away and says so; when it comes back, so does the hall', async () => {
    playing();
    Live.last!.say({ t: 'event', event: event({ state: 'cancelled' }) });
    expect((await screen.findByTestId('cancelled')).textContent).toContain('This show is cancelled.');
    expect(screen.queryByTestId('player')).toBeNull();
    expect(screen.queryByTestId('chat-input')).toBeNull();
    Live.last!.say({ t: 'event', event: event({ state: 'open' }) });
    expect(await screen.findByTestId('player')).toBeTruthy();
  });

  test('the end of the show is the end of the page', async () => {
    playing();
    Live.last!.say({ t: 'event', event: event({ state: 'ended' }) });
    expect(await screen.findByTestId('ended')).toBeTruthy();
    expect(screen.queryByTestId('player')).toBeNull();
  });
});
