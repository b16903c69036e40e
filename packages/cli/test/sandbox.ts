import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { DaemonInfo } from '@peerd/daemon';

/** The command line's entry point, as it is published: scripts/e2e-setup.mjs makes it. */
export const program: string = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface Result {
  /** As a shell shows it: 128 and the signal's number when it died of one. */
  status: number;
  /** What it died of, if it did. */
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** A `peerd` process: what it has written so far, and ways to wait for more. */
export class Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<Result>;
  readonly #isLeader: boolean;
  readonly #stdout: Buffer[] = [];
  #stderr = '';
  #read = 0;
  readonly #changed = new Set<() => void>();
  #over = false;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, isLeader: boolean) {
    this.child = child;
    this.#isLeader = isLeader;
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout.push(chunk);
      this.#tell();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#tell();
    });
    this.ended = once(child, 'close').then(([status, signal]) => {
      this.#over = true;
      this.#tell();
      return {
        status: status ?? 128 + constants.signals[signal as NodeJS.Signals],
        signal,
        stdout: Buffer.concat(this.#stdout),
        stderr: this.#stderr,
      };
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString();
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The next line of standard output. */
  async line(): Promise<string> {
    for (;;) {
      const text = Buffer.concat(this.#stdout).subarray(this.#read).toString();
      const end = text.indexOf('\n');
      if (end >= 0) {
        this.#read += Buffer.byteLength(text.slice(0, end + 1));
        return text.slice(0, end);
      }
      if (this.#over) throw new Error(`no more lines; standard error: ${this.#stderr}`);
      await this.#change();
    }
  }

  /** Resolves when standard error has that text. */
  async says(text: string): Promise<void> {
    while (!this.#stderr.includes(text)) {
      if (this.#over) throw new Error(`never said ${JSON.stringify(text)}, but: ${this.#stderr}`);
      await this.#change();
    }
  }

  async kill(signal: NodeJS.Signals): Promise<Result> {
    this.child.kill(signal);
    return await this.ended;
  }

  /** Ends it and, when it leads a process group, all that it has started. */
  async killAll(): Promise<Result> {
    if (!this.#isLeader) return await this.kill('SIGKILL');
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // All of it has ended already.
    }
    return await this.ended;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.add(resolve));
  }

  #tell(): void {
    for (const wake of this.#changed) wake();
    this.#changed.clear();
  }
}

export interface RunOptions {
  stdin?: string | Uint8Array;
  env?: NodeJS.ProcessEnv;
}

export interface RunningDaemon extends Running {
  info: DaemonInfo;
}

/** Folders, a network and processes of one test, none of which outlives it. */
export class Sandbox {
  readonly folder: string;
  readonly network: string = `test-${randomBytes(6).toString('hex')}`;
  readonly env: NodeJS.ProcessEnv;
  /** A test provokes one; else a process that ends by a fault of its own fails the test that it was for. */
  expectsFaults = false;
  readonly #running = new Set<Running>();
  readonly #faults: string[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    const { PATH } = process.env;
    const [runtime, data] = [join(folder, 'run'), join(folder, 'data')];
    this.env = { PATH, HOME: folder, XDG_RUNTIME_DIR: runtime, XDG_DATA_HOME: data };
  }

  static async make(): Promise<Sandbox> {
    const folder = await mkdtemp(join(tmpdir(), 'peerd-e2e-'));
    await mkdir(join(folder, 'run'), { mode: 0o700 });
    return new Sandbox(folder);
  }

  spawn(args: readonly string[], options: RunOptions = {}): Running {
    return this.#start(process.execPath, [program, ...args], options, false);
  }

  /** A line for the shell, in which `peerd` is the program. */
  shell(line: string, options: RunOptions = {}): Running {
    return this.shellIn('bash', line, options);
  }

  shellIn(shell: 'bash' | 'zsh' | 'fish', line: string, options: RunOptions = {}): Running {
    const call = `'${process.execPath}' '${program}'`;
    const peerd = shell === 'fish' ? `function peerd; ${call} $argv; end` : `peerd() { ${call} "$@"; }`;
    // Without the files that people have in their homes.
    const bare = { bash: ['--norc', '-c'], zsh: ['-f', '-c'], fish: ['--no-config', '-c'] }[shell];
    // What it starts is to end with it.
    return this.#start(shell, [...bare, `${peerd}\n${line}`], options, true);
  }

  #start(file: string, args: readonly string[], { stdin, env }: RunOptions, isLeader: boolean): Running {
    const child = spawn(file, args, {
      cwd: this.folder,
      env: { ...this.env, ...env },
      detached: isLeader,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const running = new Running(child, isLeader);
    if (stdin !== undefined) child.stdin.end(stdin);
    this.#running.add(running);
    void running.ended.then(({ stderr }) => {
      this.#running.delete(running);
      if (/ended by a fault|UnhandledPromiseRejection/.test(stderr)) this.#faults.push(stderr);
    });
    return running;
  }

  /** Runs to the end. Standard input is empty unless given. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return await this.spawn(args, { stdin: '', ...options }).ended;
  }

  /** A daemon of this sandbox's network that can be used. */
  async start(name: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunningDaemon> {
    const own = ['start', '--json', '--name', name, '--network', this.network, '--log-level', 'warn'];
    const running = this.spawn([...own, ...args], options);
    const first = JSON.parse(await running.line());
    if (first.event !== 'started') throw new Error(`the daemon did not start: ${JSON.stringify(first)}`);
    return Object.assign(running, { info: first as DaemonInfo });
  }

  /** Two daemons, `alice` and `bob`, that are connected. */
  async pair(): Promise<{ alice: RunningDaemon; bob: RunningDaemon }> {
    const alice = await this.start('alice', ['--discovery', 'off']);
    const bob = await this.start('bob', ['--discovery', 'off', '--peer', alice.info.addresses[0] as string]);
    const { status, stderr } = await this.run(['ping', alice.info.id, '--name', 'bob']);
    if (status !== 0) throw new Error(`bob can't reach alice: ${stderr}`);
    return { alice, bob };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((each) => each.killAll()));
    await rm(this.folder, { recursive: true, force: true });
    if (this.#faults.length > 0 && !this.expectsFaults) throw new Error(this.#faults.join('\n'));
  }
}

/** The error object that `--json` prints. */
export function errorIn({ stdout }: Result): { code: string; message: string; candidates?: string[] } {
  return JSON.parse(stdout.toString()).error;
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
