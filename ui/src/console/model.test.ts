import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConsoleModel } from './model.svelte';
import { sampleChat, sampleEvent, sampleStatus } from './samples';
import type { ConsoleView } from './types';

const at = Date.parse('2026-11-22T17:00:00Z');

function view(change: Partial<ConsoleView> = {}): ConsoleView {
  return { organizer: { name: 'Anna' }, events: [sampleEvent()], provision: sampleStatus({ leader: null }), serverTime: new Date(at).toISOString(), ...change };
}

type Answer = { status: number; body: unknown } | 'away';
let answer: () => Answer | Promise<Answer>;
let asked = 0;
let stop: () => void = () => {};

beforeEach(() => {
  asked = 0;
  vi.useFakeTimers({ now: at });
  vi.stubGlobal('fetch', async () => {
    asked++;
    const a = await answer();
    if (a === 'away') throw new TypeError('fetch failed');
    return new Response(JSON.stringify(a.body), { status: a.status });
  });
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const seconds = (n: number) => vi.advanceTimersByTimeAsync(n * 1000);

describe('the console’s store', () => {
  it('asks each second and stops when the page goes', async () => {
    answer = () => ({ status: 200, body: view() });
    const model = new ConsoleModel();
    stop = model.start();
    await seconds(5.5);
    expect(model.session).toBe('in');
    expect(asked).toBe(6);
    stop();
    await seconds(60);
    expect(asked).toBe(6);
  });

  it('forgets everything and stops asking when the session is over', async () => {
    answer = () => ({ status: 200, body: view() });
    const model = new ConsoleModel();
    stop = model.start();
    await seconds(0);
    model.keepCodes('ev1', [{ role: 'artist', code: 'A' }]);
    answer = () => ({ status: 401, body: { code: 'not_signed_in', detail: 'Sign in.' } });
    await seconds(1.1);
    const before = asked;
    await seconds(30);
    expect([model.session, model.view, model.codes, asked]).toEqual(['out', null, {}, before]);
  });

  it('keeps the last figures through an outage, says so after 2 s, and recovers by itself', async () => {
    answer = () => ({ status: 200, body: view() });
    const model = new ConsoleModel();
    stop = model.start();
    await seconds(0.1);
    answer = () => 'away';
    await seconds(2);
    expect(model.lost).toBe(false);
    await seconds(3);
    expect(model.lost).toBe(true);
    expect(model.view?.events).toHaveLength(1);
    answer = () => ({ status: 200, body: view() });
    await seconds(9);
    expect(model.lost).toBe(false);
  });

  it('does not let a poll asked before an act show the show as it was before it', async () => {
    answer = () => ({ status: 200, body: view() });
    const model = new ConsoleModel();
    stop = model.start();
    await seconds(0);
    let release: (a: Answer) => void = () => {};
    answer = () => new Promise<Answer>((resolve) => (release = resolve));
    await seconds(1);
    model.put(sampleEvent({ state: 'live' }));
    answer = () => ({ status: 200, body: view({ events: [sampleEvent({ state: 'live', artist: 'fresh' })] }) });
    release({ status: 200, body: view() });
    await seconds(0);
    expect(model.event('ev1')).toMatchObject({ state: 'live', artist: 'fresh' });
  });

  it('lives by the server’s clock', async () => {
    answer = () => ({ status: 200, body: view({ serverTime: new Date(at + 3_600_000).toISOString() }) });
    const model = new ConsoleModel();
    stop = model.start();
    await seconds(0);
    expect(model.now).toBe(at + 3_600_000);
  });

  it('remembers the most chat resources it has seen', async () => {
    const provision = (made: number) => ({ ...view().provision, events: [sampleChat({ made })] });
    answer = () => ({ status: 200, body: view({ provision: provision(803) }) });
    const model = new ConsoleModel();
    stop = model.start();
    await seconds(0);
    answer = () => ({ status: 200, body: view({ provision: provision(12) }) });
    await seconds(1);
    expect(model.mostSeen('ev1')).toBe(803);
  });
});
