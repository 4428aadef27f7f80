// A chat provider of forty lines for tests of the connection: history, one channel, sockets that can be cut, silenced or
// refused. The proof against the real protocol is elsewhere: the engine's own tests and the browser story.
import { vi } from 'vitest';
import type { ChatPass, Pass } from '../api/types';

export class TinyChime {
  readonly messages: { MessageId: string; Content: string; CreatedTimestamp: number; Sender: { Arn: string; Name: string } }[] = [];
  readonly sockets: TinySocket[] = [];
  readonly requests: string[] = [];
  /** Status of every answer; 200 = work. 0 = not reached. */
  status = 200;
  /** Frames get lost although the sockets are open. */
  deaf = false;
  /** Called before each answer from history; true refuses it with 503. */
  onHistory: () => boolean = () => false;
  /** What the platform says when it is asked for a pass. */
  answer: () => ChatPass = () => ready();

  post(text: string): string {
    const id = `m${String(this.messages.length + 1).padStart(5, '0')}`;
    const message = { MessageId: id, Content: text, CreatedTimestamp: Date.now() / 1000 + this.messages.length / 1000, Sender: { Arn: 'x/user/f-2', Name: 'Bo' } };
    this.messages.push(message);
    if (!this.deaf) for (const socket of this.sockets) socket.frame('CREATE_CHANNEL_MESSAGE', { ...message, CreatedTimestamp: new Date(message.CreatedTimestamp * 1000).toISOString() });
    return id;
  }

  cut(code = 1006): void {
    for (const socket of this.sockets.splice(0)) socket.onclose?.({ code } as CloseEvent);
  }

  install(): void {
    vi.stubGlobal('fetch', (url: URL | string, init: RequestInit) => Promise.resolve().then(() => this.#answer(new URL(url, location.origin), init)));
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const chime = this;
    vi.stubGlobal('WebSocket', class extends TinySocket {
      constructor(url: URL) {
        super(chime, url);
      }
    });
  }

  #answer(url: URL, init: RequestInit): Response {
    this.requests.push(`${init.method} ${url.pathname}`);
    if (url.pathname.endsWith('/chat/pass')) return Response.json(this.answer());
    if (this.status === 0) throw new TypeError('network');
    if (this.status !== 200) return new Response('{"Message":"no"}', { status: this.status });
    if (url.pathname.endsWith('/endpoints/messaging-session')) return Response.json({ Endpoint: { Url: 'socket.test' } });
    if (init.method === 'POST') return Response.json({ MessageId: this.post((JSON.parse(String(init.body)) as { Content: string }).Content) }, { status: 201 });
    if (this.onHistory()) return new Response('{}', { status: 503 });
    const max = Number(url.searchParams.get('max-results'));
    const to = Number(url.searchParams.get('next-token') ?? this.messages.length);
    const from = Math.max(0, to - max);
    return Response.json({ ChannelMessages: this.messages.slice(from, to).reverse(), ...(from > 0 ? { NextToken: String(from) } : {}) });
  }
}

class TinySocket {
  onclose: ((event: CloseEvent) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(
    readonly chime: TinyChime,
    readonly url: URL,
  ) {
    void Promise.resolve().then(() => {
      if (chime.status !== 200) return this.onclose?.({ code: 1006 } as CloseEvent);
      chime.sockets.push(this);
      this.frame('SESSION_ESTABLISHED');
    });
  }

  frame(kind: string, payload?: unknown): void {
    this.onmessage?.({ data: JSON.stringify({ Headers: { 'x-amz-chime-event-type': kind }, ...(payload ? { Payload: JSON.stringify(payload) } : {}) }) });
  }

  close(): void {
    const at = this.chime.sockets.indexOf(this);
    if (at >= 0) this.chime.sockets.splice(at, 1);
    this.onclose?.({ code: 1005 } as CloseEvent);
  }
}

export const pass = (): Pass => ({
  region: 'us-east-1',
  endpoint: 'http://chime.test',
  userArn: 'arn:app/user/f-1',
  channelArn: 'arn:app/channel/c',
  name: 'Anna',
  credentials: { accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T', expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
  serverTime: new Date().toISOString(),
});

export const ready = (more: Partial<ChatPass> = {}): ChatPass => ({
  state: 'ready', detail: '', readyAt: null, made: 1, total: 1, retryMs: 0, maxLine: 300, pass: pass(), ...more,
});
