// Emoji in the air over the stage: a fixed pool of elements, moved by the compositor, never more than fit.

/** One particle per so many pixels of width, at least 12 and at most 60: a phone stays cool, a wide screen is not empty. */
const PIXELS_EACH = 14;
const LEAST = 12;
const MOST = 60;
const FLIGHT_MS = 2_600;
/** The server counts in ticks of 300 ms; the particles of one tick are spread over it. */
const TICK_MS = 300;

export class Air {
  readonly #sky: HTMLElement;
  readonly #free: HTMLElement[] = [];
  #made = 0;

  constructor(sky: HTMLElement) {
    this.#sky = sky;
  }

  get room(): number {
    const capacity = Math.min(MOST, Math.max(LEAST, Math.floor(this.#sky.clientWidth / PIXELS_EACH)));
    return Math.max(0, capacity - (this.#made - this.#free.length));
  }

  /** Lets them rise; what does not fit does not fly. */
  launch(emoji: readonly string[], spread = TICK_MS): void {
    for (const each of emoji) {
      if (this.room === 0) return;
      this.#fly(each, Math.random() * spread);
    }
  }

  #fly(emoji: string, delay: number): void {
    const particle = this.#free.pop() ?? this.#make();
    particle.textContent = emoji;
    const height = this.#sky.clientHeight;
    const sway = (Math.random() - 0.5) * 60;
    const from = Math.random() * Math.max(0, this.#sky.clientWidth - 40);
    const size = 0.85 + Math.random() * 0.5;
    const at = (x: number, y: number, scale: number) => `translate(${from + x}px, ${y}px) scale(${scale})`;
    const flight = particle.animate(
      [
        { transform: at(0, height, 0.4 * size), opacity: 0 },
        { transform: at(sway * 0.3, height * 0.8, size), opacity: 1, offset: 0.15 },
        { transform: at(sway, height * 0.25, size), opacity: 0.9, offset: 0.75 },
        { transform: at(sway * 0.6, -20, size), opacity: 0 },
      ],
      { duration: FLIGHT_MS * (0.85 + Math.random() * 0.4), delay, easing: 'cubic-bezier(0.3, 0.2, 0.4, 1)', fill: 'backwards' },
    );
    flight.onfinish = flight.oncancel = () => this.#free.push(particle);
  }

  #make(): HTMLElement {
    this.#made++;
    const particle = document.createElement('span');
    particle.className = 'particle';
    this.#sky.append(particle);
    return particle;
  }
}
