// One process of the built program: started on free ports, read until it says where it listens, ended politely.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const binary = process.env['STAGEDOOR_BINARY'] ?? `${root}bin/stagedoor`;

/** The first start migrates two databases and imports a few hundred tickets, on a machine that may be busy. */
const startsWithin = 60_000;
/** Open requests get 5 s to finish; after twice that it hangs. */
const endsWithin = 10_000;

export class Program {
  #child: ChildProcess | null = null;
  #out = '';
  #err = '';

  constructor(
    readonly args: readonly string[],
    readonly env: Readonly<Record<string, string>> = {},
  ) {}

  /** Everything the program printed since its last start. */
  get printed(): string {
    return this.#out;
  }

  /** Everything it logged, over all starts. */
  get log(): string {
    return this.#err;
  }

  /** Starts with these arguments after the fixed ones and waits until all patterns are printed. */
  async start(more: readonly string[], until: readonly RegExp[]): Promise<void> {
    if (this.#running) throw new Error('already started');
    if (!existsSync(binary)) throw new Error(`${binary} is missing: make build`);
    const child = spawn(binary, [...this.args, ...more], { cwd: root, env: { ...clean(), ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#out = '';
    child.stderr.on('data', (b: Buffer) => (this.#err += b.toString()));
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#failed('did not start in time')), startsWithin);
      const settle = (then: () => void) => {
        clearTimeout(timer);
        then();
      };
      child.stdout.on('data', (b: Buffer) => {
        this.#out += b.toString();
        if (until.every((p) => p.test(this.#out))) settle(resolve);
      });
      child.once('error', (e) => settle(() => reject(e)));
      child.once('exit', (code) => settle(() => reject(this.#failed(`exited with ${code}`))));
    }).catch(async (e: unknown) => {
      await this.stop('SIGKILL');
      throw e;
    });
  }

  get #running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #failed(what: string): Error {
    return new Error(`stagedoor ${this.args.join(' ')} ${what}\n--- printed\n${this.#out}\n--- logged\n${this.#err.slice(-8000)}`);
  }

  /** Runs a command to its end and returns what it printed. Throws if it fails. */
  static async run(args: readonly string[]): Promise<string> {
    const child = spawn(binary, args, { cwd: root, env: clean(), stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (b: Buffer) => (out += b.toString()));
    child.stderr.on('data', (b: Buffer) => (err += b.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`stagedoor ${args.join(' ')} exited with ${code}: ${err}`);
    return out;
  }

  /** Ends it: SIGTERM as an operator would, SIGKILL as a power cut would. Waits until it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return; // it ended by itself
    const gone = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), endsWithin);
    await gone;
    clearTimeout(timer);
  }
}

/** Our environment without settings of the program: a test must not depend on the shell it was started from. */
function clean(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('STAGEDOOR_') && !key.startsWith('AWS_')));
}
