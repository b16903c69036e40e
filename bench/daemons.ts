import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The command line as `npm run build` leaves it: plain JavaScript, as it is installed. */
const builtCli: string = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));

export interface StartedDaemon {
  readonly id: string;
  readonly name: string;
  readonly socket: string;
  readonly addresses: readonly string[];
  readonly pid: number;
}

/** Daemons in processes of their own, run from the build, in folders and a network of their own. */
export class Daemons {
  readonly env: NodeJS.ProcessEnv;
  readonly #folder: string;
  readonly #processes: ChildProcess[] = [];

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'peerd-bench-'));
    const runtime = join(this.#folder, 'run');
    mkdirSync(runtime, { mode: 0o700 });
    const { PEERD_NAME: _, ...env } = process.env;
    this.env = {
      ...env,
      HOME: this.#folder,
      XDG_DATA_HOME: join(this.#folder, 'data'),
      XDG_RUNTIME_DIR: runtime,
    };
  }

  /** Resolves when it says that it can be used. */
  async start(name: string, ...args: readonly string[]): Promise<StartedDaemon> {
    const child = spawn(
      process.execPath,
      [builtCli, 'start', '--json', '--name', name, '--network', 'bench', '--log-level', 'warn', ...args],
      { env: this.env, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#processes.push(child);
    const line = once(createInterface(child.stdout), 'line').then(([text]) => JSON.parse(text as string));
    const exit = once(child, 'exit').then(([code]) => {
      throw new Error(`the daemon ${name} ended with ${code}`);
    });
    exit.catch(() => {});
    const started = await Promise.race([line, exit]);
    if (started.event !== 'started') throw new Error(`the daemon ${name} said ${JSON.stringify(started)}`);
    return started;
  }

  /** Stops all; resolves when they are gone. */
  async stop(): Promise<void> {
    const running = this.#processes.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    const exits = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill();
    await Promise.all(exits);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
