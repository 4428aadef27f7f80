// The fixtures of the browser tests: a running `stagedoor serve` with its demo show, phones and desks to look at it.

import { test as base, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program } from './process';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));

const says = {
  origin: /stagedoor serves (http:\/\/\S+)/,
  signInLink: /sign-in link.*: (\S+)/,
  landingPage: /Demo show.*?:\s+(http\S+)/,
  fan: /^ +Fan +(\S+)/m,
  anotherFan: /^ +Another fan +(\S+)/m,
  moderator: /^ +Moderator +(\S+)/m,
  artist: /^ +Artist +(\S+)/m,
  engine: /Chat engine.*?:\s+(http\S+)/,
};

export interface Codes {
  fan: string;
  anotherFan: string;
  moderator: string;
  artist: string;
}

/** `stagedoor serve` on free ports with a data folder of its own. */
export class Stagedoor {
  readonly #program: Program;
  #ports: string[] = ['--listen', '127.0.0.1:0', '--engine-listen', '127.0.0.1:0'];

  constructor(
    readonly data: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    this.#program = new Program(['serve', '--engine-drain', '1s', '--data', data, ...args], env);
  }

  async start(): Promise<void> {
    // What is printed last; a server with its chat elsewhere prints no engine.
    await this.#program.start(this.#ports, [says.origin, says.signInLink, says.artist]);
    // A restart listens where pages that are still open look for it.
    const engine = says.engine.exec(this.#program.printed)?.[1];
    this.#ports = ['--listen', new URL(this.origin).host, '--engine-listen', engine ? new URL(engine).host : '127.0.0.1:0'];
  }

  stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    return this.#program.stop(signal);
  }

  #read(what: keyof typeof says): string {
    const found = says[what].exec(this.#program.printed)?.[1];
    if (!found) throw new Error(`stagedoor did not print its ${what}:\n${this.#program.printed}`);
    return found;
  }

  /** http://127.0.0.1:port */
  get origin(): string {
    return this.#read('origin');
  }

  /** The organizer's link printed at the last start; works once. */
  get signInLink(): string {
    return this.#read('signInLink');
  }

  /** The demo show's page, absolute. */
  get landingPage(): string {
    return this.#read('landingPage');
  }

  /** Codes of the demo show. */
  get codes(): Codes {
    return { fan: this.#read('fan'), anotherFan: this.#read('anotherFan'), moderator: this.#read('moderator'), artist: this.#read('artist') };
  }

  /** Another sign-in link, made on the command line beside the running server. */
  async newSignInLink(): Promise<string> {
    return (await Program.run(['organizer', 'link', '--data', this.data, '--public-url', this.origin])).trim();
  }

  get log(): string {
    return this.#program.log;
  }
}

/** `stagedoor engine` as a process of its own, so that the chat can be stopped while the platform runs. */
export class Engine {
  readonly #program: Program;
  #listen = '127.0.0.1:0';
  readonly keys = { id: 'AKIAENDTOENDTESTS', secret: 'e2e-secret-of-a-throw-away-engine' };

  constructor(data: string) {
    this.#program = new Program(['engine', '--data', data], {
      STAGEDOOR_ENGINE_ACCESS_KEY_ID: this.keys.id,
      STAGEDOOR_ENGINE_SECRET_ACCESS_KEY: this.keys.secret,
    });
  }

  async start(): Promise<void> {
    await this.#program.start(['--listen', this.#listen], [/ on http:\/\/\S+/]);
    this.#listen = new URL(this.url).host;
  }

  stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    return this.#program.stop(signal);
  }

  get url(): string {
    const found = / on (http:\/\/\S+)/.exec(this.#program.printed)?.[1];
    if (!found) throw new Error(`the engine did not say where it listens:\n${this.#program.printed}`);
    return found;
  }

  get log(): string {
    return this.#program.log;
  }
}

interface WorkerFixtures {
  /** Arguments and environment for `stagedoor serve`: test.use({ serve: { args: ['--pace', 'none'] } }). */
  serve: { args?: string[]; env?: Record<string, string> };
  /** true: the chat runs as a process of its own, see `engine`. */
  separateEngine: boolean;
  folder: string;
  /** null unless separateEngine. */
  engine: Engine | null;
  stagedoor: Stagedoor;
}

interface TestFixtures {
  /** A fresh phone: 390 × 844, touch, dark. Each call is another device. */
  phone: () => Promise<Page>;
  /** A fresh computer: 1280 × 800, light. Each call is another device. */
  desk: () => Promise<Page>;
  logs: void;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  serve: [{}, { option: true, scope: 'worker' }],
  separateEngine: [false, { option: true, scope: 'worker' }],

  folder: [
    // The empty pattern is needed: Playwright reads the names of the fixtures from it.
    async ({}, use) => {
      const dir = await mkdtemp(join(tmpdir(), 'stagedoor-e2e-'));
      await use(dir);
      await rm(dir, { recursive: true, force: true });
    },
    { scope: 'worker' },
  ],

  engine: [
    async ({ separateEngine, folder }, use) => {
      if (!separateEngine) return use(null);
      const engine = new Engine(join(folder, 'engine'));
      await engine.start();
      await use(engine);
      await engine.stop();
    },
    { scope: 'worker' },
  ],

  stagedoor: [
    async ({ serve, engine, folder }, use) => {
      const chat = engine ? { STAGEDOOR_CHIME: engine.url, AWS_ACCESS_KEY_ID: engine.keys.id, AWS_SECRET_ACCESS_KEY: engine.keys.secret } : {};
      const s = new Stagedoor(join(folder, 'platform'), serve.args ?? [], { ...chat, ...serve.env });
      await s.start();
      await use(s);
      await s.stop();
    },
    { scope: 'worker' },
  ],

  phone: async ({ browser }, use) => {
    const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: 'dark' as const };
    await withDevices(browser, phone, use);
  },

  desk: async ({ browser }, use) => {
    await withDevices(browser, { viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const }, use);
  },

  // What the servers logged, beside the trace of a test that failed.
  logs: [
    async ({ stagedoor, engine }, use, info) => {
      await use();
      if (info.status === info.expectedStatus) return;
      await info.attach('stagedoor.log', { body: stagedoor.log, contentType: 'text/plain' });
      if (engine) await info.attach('engine.log', { body: engine.log, contentType: 'text/plain' });
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';

/** Hands out devices that forget nothing until the test ends, and know nothing of each other. */
async function withDevices(browser: Browser, options: Parameters<Browser['newContext']>[0], use: (make: () => Promise<Page>) => Promise<void>) {
  const contexts: BrowserContext[] = [];
  await use(async () => {
    const context = await browser.newContext(options);
    contexts.push(context);
    return context.newPage();
  });
  await Promise.all(contexts.map((c) => c.close()));
}

/** Whether this run makes the pictures of the documents. */
export const picturing = process.env['STAGEDOOR_SCREENSHOTS'] === '1';

/** A picture for the documents; made only by `make screenshots`. The README's are in docs/screenshots, the manual's in docs/images. */
export async function picture(page: Page, name: string, fullPage = false, folder: 'screenshots' | 'images' = 'screenshots'): Promise<void> {
  if (!picturing) return;
  mkdirSync(join(docs, folder), { recursive: true });
  await page.screenshot({ path: join(docs, folder, `${name}.png`), fullPage, animations: 'disabled' });
}
