// One messaging session: a socket from its opening to its end. It never comes back by itself; client.ts does that.

import { toMessage, type Message, type WireMessage } from './messaging';

export type SessionEvent =
  | { type: 'established' }
  | { type: 'message'; message: Message }
  | { type: 'deleted'; messageId: string }
  /** The channel is gone, or this user was taken out of it. */
  | { type: 'removed' };

export interface SessionEnd {
  /** Close code; 1006 when the connection just broke. */
  code: number;
  established: boolean;
}

/** From the open to SESSION_ESTABLISHED. Amazon's own client gives up after 10 s, too. */
const ESTABLISH_MS = 10_000;

export interface Session {
  ended: Promise<SessionEnd>;
  /** Ends it from this side; ended resolves at once, whatever the network does. */
  close(): void;
}

export function openSession(url: URL, self: string, tell: (event: SessionEvent) => void): Session {
  const socket = new WebSocket(url);
  let established = false;
  let over = false;
  let end: (end: SessionEnd) => void;
  const ended = new Promise<SessionEnd>((resolve) => (end = resolve));

  const finish = (code: number) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    end({ code, established });
  };
  // A socket that never opens, or opens and says nothing, must not hold the supervisor for ever.
  const timer = setTimeout(() => close(), ESTABLISH_MS);
  const close = () => {
    socket.close();
    finish(1006);
  };

  socket.onclose = (event) => finish(event.code);
  socket.onmessage = ({ data }) => {
    if (over || typeof data !== 'string') return;
    for (const event of read(data, self)) {
      if (event.type === 'established') {
        established = true;
        clearTimeout(timer);
      }
      tell(event);
    }
  };
  return { ended, close };
}

interface Frame {
  Headers?: Record<string, string>;
  Payload?: string | null;
}

/** Reads one frame; unknown events and broken frames are nothing. */
export function read(data: string, self: string): SessionEvent[] {
  try {
    const frame = JSON.parse(data) as Frame;
    const kind = frame.Headers?.['x-amz-chime-event-type'] ?? '';
    const payload: unknown = frame.Payload ? JSON.parse(frame.Payload) : null;
    return READERS[kind]?.(payload as never, self) ?? [];
  } catch {
    return [];
  }
}

const message = (payload: WireMessage): SessionEvent[] => [{ type: 'message', message: toMessage(payload) }];

const READERS: Record<string, (payload: never, self: string) => SessionEvent[]> = {
  __proto__: null as never,
  SESSION_ESTABLISHED: () => [{ type: 'established' }],
  CREATE_CHANNEL_MESSAGE: message,
  UPDATE_CHANNEL_MESSAGE: message,
  REDACT_CHANNEL_MESSAGE: (payload: WireMessage) => [{ type: 'message', message: toMessage({ ...payload, Redacted: true }) }],
  DELETE_CHANNEL_MESSAGE: (payload: WireMessage) => [{ type: 'deleted', messageId: payload.MessageId }],
  DELETE_CHANNEL: () => [{ type: 'removed' }],
  DELETE_CHANNEL_MEMBERSHIP: (payload: { Member?: { Arn?: string } }, self) => (payload.Member?.Arn === self ? [{ type: 'removed' }] : []),
};
