import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EMPTY, reduce, type Log, type LogEvent } from '../chat/log';
import { writeLine } from '../chat/content';
import { ChimeClient, type Connection } from './client';
import { pass, TinyChime } from './tiny';

let chime: TinyChime;
let client: ChimeClient;
let log: Log;
let connection: Connection;
let refused: number;

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime('2026-11-22T20:00:00Z');
  chime = new TinyChime();
  chime.install();
  log = EMPTY;
  refused = 0;
  const take = (event: LogEvent) => (log = reduce(log, event, 'f-1'));
  client = new ChimeClient({
    connection: (now) => (connection = now),
    messages: (messages) => take({ type: 'messages', messages }),
    restart: (messages) => take({ type: 'restart', messages }),
    deleted: (messageId) => take({ type: 'deleted', messageId }),
    beginning: () => take({ type: 'beginning' }),
    passRefused: () => refused++,
  });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const post = (n: number) => {
  for (let i = 0; i < n; i++) chime.post(writeLine(`line ${chime.messages.length}`, 1));
};
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const ids = () => log.lines.map((line) => line.id);
const all = () => chime.messages.map((message) => message.MessageId);

test('joining shows the last page and then what comes', async () => {
  post(120);
  client.usePass(pass());
  await later(50);
  post(3);
  expect(connection).toBe('live');
  expect(ids()).toEqual(all().slice(-53));
});

test('whatever is cut whenever, no line is missed and none doubled', async () => {
  post(1);
  client.usePass(pass());
  for (let round = 0; round < 25; round++) {
    await later(40 * round);
    post(1 + (round % 7) * 9);
    chime.cut([1006, 1001, 1012, 4005][round % 4]);
    post(2 + (round % 5) * 20); // up to 82 while away: two pages
    if (round % 3 === 0) chime.status = 503;
    await later(300);
    chime.status = 200;
    await later(9_000);
    post(1);
  }
  await later(20_000);
  expect(connection).toBe('live');
  expect(ids()).toEqual(all());
});

test('so long away that reading on would be too much: the page starts anew without a hole', async () => {
  post(60);
  client.usePass(pass());
  await later(50);
  chime.cut();
  post(600);
  await later(10_000);
  expect(ids()).toEqual(all().slice(-250));
});

test('a session that breaks while it catches up leaves no hole behind its own frames', async () => {
  post(5);
  client.usePass(pass());
  await later(50);
  chime.cut();
  post(80); // more than one page is missed
  let tries = 0;
  chime.onHistory = () => {
    if (++tries > 2) return false;
    post(1); // comes as a frame, beyond the gap
    return true;
  };
  // At once, not only when everything is read again some seconds later.
  for (let i = 0; i < 400 && (tries <= 2 || connection !== 'live'); i++) await later(100);
  expect(tries).toBeGreaterThan(2);
  expect(ids()).toEqual(all());
});

test('it never gives up: an hour of nothing, then it is there again', async () => {
  client.usePass(pass());
  await later(50);
  chime.status = 0;
  chime.cut();
  await later(3_600_000);
  const tries = chime.requests.length;
  expect(tries).toBeGreaterThan(400); // at worst every 8 s
  expect(tries).toBeLessThan(3_600); // at best once a second
  chime.status = 200;
  post(1);
  await later(9_000);
  expect(connection).toBe('live');
  expect(ids()).toEqual(all());
});

test('a kick (4003) is final until there is a new pass', async () => {
  client.usePass(pass());
  await later(50);
  chime.cut(4003);
  await later(120_000);
  expect([connection, refused, chime.sockets.length]).toEqual(['stopped', 1, 0]);
  client.usePass(pass());
  await later(50);
  expect(connection).toBe('live');
});

test.each([401, 403])('refused credentials (%i) ask for a new pass, and with it all is well', async (status) => {
  chime.status = status;
  client.usePass(pass());
  await later(50);
  expect(refused).toBe(1);
  chime.status = 200;
  client.usePass(pass());
  await later(3_000);
  expect(connection).toBe('live');
});

test.each([4401, 4419])('a close with %i asks for a new pass', async (code) => {
  client.usePass(pass());
  await later(50);
  chime.cut(code);
  await later(50);
  expect(refused).toBe(1);
});

test('a socket that is open but deaf is found out in a quiet minute and replaced', async () => {
  client.usePass(pass());
  await later(50);
  chime.deaf = true;
  post(1);
  await later(50);
  expect(ids()).toEqual([]);
  chime.deaf = false;
  await later(75_000);
  expect(ids()).toEqual(all());
});

test("one's own line that does not come back shows a deaf socket within seconds", async () => {
  client.usePass(pass());
  await later(50);
  chime.deaf = true;
  await client.send(writeLine('hello?', 1), 'token');
  chime.deaf = false;
  await later(8_000);
  expect(ids()).toEqual(all());
});

test('the connect URL is fresh each time: the endpoint is asked before every connect', async () => {
  client.usePass(pass());
  await later(50);
  chime.cut();
  await later(9_000);
  expect(chime.requests.filter((request) => request.includes('messaging-session'))).toHaveLength(2);
});

// With the engine frozen (SIGSTOP) its sockets stayed open, and a page in a quiet room said "Say something" for 72 s
// while the first line had long failed.
test('a line that reaches nobody shows a dead socket at once', async () => {
  client.usePass(pass());
  await later(50);
  expect(connection).toBe('live');
  chime.status = 0;
  await expect(client.send(writeLine('anybody?', 1), 'token')).rejects.toThrow();
  expect(connection).not.toBe('live');
  chime.status = 200;
  await later(10_000);
  expect(connection).toBe('live');
});
