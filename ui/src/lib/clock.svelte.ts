// The server's time on this page. The browser's clock is not trusted for anything that is shown or signed.

/** A clock that ticks once a second, for countdowns; components that read now are drawn again at each tick. */
export class Clock {
  /** Milliseconds since 1970, as the server's clock shows. */
  now = $state(0);
  #offset = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(serverTime: string) {
    this.set(serverTime);
    this.#timer = setInterval(() => this.#tick(), 1_000);
  }

  set(serverTime: string | number): void {
    const time = typeof serverTime === 'number' ? serverTime : Date.parse(serverTime);
    if (Number.isFinite(time)) this.#offset = time - Date.now();
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.now = Date.now() + this.#offset;
  }
}
