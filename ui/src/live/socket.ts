// The platform's live socket: seat, show, reactions. It has nothing to do with the chat's socket and outlives it.

import type { LiveFrame } from '../api/types';
import { Bell, fullJitter } from '../lib/wait';

/** The server beats every 10 s; half a beat of grace. */
const SILENCE_MS = 15_000;
const RETRY_FLOOR_MS = 500;
const RETRY_CAP_MS = 8_000;

export interface LiveEvents {
  frame(frame: LiveFrame): void;
  /** up: frames flow. down: lost, and being looked for. */
  link(state: 'up' | 'down'): void;
  /**
   * An attempt did not even open. It may be the network, or the server refuses this device: answer false when it does,
   * and the socket stops.
   */
  refused(): Promise<boolean>;
}

export class LiveSocket {
  readonly #url: string;
  readonly #events: LiveEvents;
  readonly #bell = new Bell();
  #socket: WebSocket | null = null;
  #stopped = false;

  constructor(slug: string, events: LiveEvents) {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#url = `${scheme}://${location.host}/api/v1/events/${slug}/live`;
    this.#events = events;
    void this.#run();
  }

  /** Whether it went out. Reactions are a moment's thing: what does not go now does not go. */
  react(emoji: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ t: 'react', emoji }));
    return true;
  }

  /** The network may be back: do not wait for the next attempt's turn. */
  nudge(): void {
    if (!this.#socket) this.#bell.ring();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.close();
    this.#bell.ring();
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopped; failures++) {
      const end = await this.#once();
      if (this.#stopped || end.code === 4003) return;
      this.#events.link('down');
      if (end.heard) failures = 0;
      else if (!(await this.#events.refused())) return;
      await this.#bell.wait(fullJitter(failures, RETRY_FLOOR_MS, RETRY_CAP_MS));
    }
  }

  /** One connection from its opening to its end. */
  #once(): Promise<{ code: number; heard: boolean }> {
    return new Promise((resolve) => {
      const socket = new WebSocket(this.#url);
      this.#socket = socket;
      let heard = false;
      let silence: ReturnType<typeof setTimeout>;
      const finish = (code: number) => {
        clearTimeout(silence);
        if (this.#socket === socket) this.#socket = null;
        resolve({ code, heard });
      };
      // A half-open socket does not close by itself, and its close does not come back either.
      const listen = () => {
        clearTimeout(silence);
        silence = setTimeout(() => {
          socket.close();
          finish(1006);
        }, SILENCE_MS);
      };
      listen();
      socket.onclose = (event) => finish(event.code);
      socket.onmessage = ({ data }) => {
        if (this.#socket !== socket) return;
        listen();
        const frame = parse(data);
        if (!frame) return;
        if (!heard) this.#events.link('up');
        heard = true;
        this.#events.frame(frame);
      };
    });
  }
}

function parse(data: unknown): LiveFrame | null {
  try {
    return JSON.parse(String(data)) as LiveFrame;
  } catch {
    return null;
  }
}
