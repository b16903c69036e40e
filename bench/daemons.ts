import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The command line as `npm run build` leaves it: plain JavaScript, as it is installed. */
export const builtCli: string = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
const probe = fileURLToPath(new URL('processes/probe.mjs', import.meta.url));

export interface StartedDaemon {
  readonly id: string;
  readonly name: string;
  readonly socket: string;
  readonly addresses: readonly string[];
  readonly process: ChildProcess;
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
    const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('PEERD_'));
    this.env = {
      ...Object.fromEntries(ours),
      HOME: this.#folder,
      XDG_DATA_HOME: join(this.#folder, 'data'),
      XDG_RUNTIME_DIR: runtime,
    };
  }

  /** Where the socket of a daemon of that name is, also before it runs. */
  socketOf(name: string): string {
    return join(this.#folder, 'run', 'peerd', `${name}.sock`);
  }

  /** Starts a daemon. Nothing is waited for. */
  spawn(name: string, args: readonly string[] = [], nodeArgs: readonly string[] = []): ChildProcess {
    const own = ['--json', '--name', name, '--network', 'bench', '--log-level', 'warn'];
    const child = spawn(process.execPath, [...nodeArgs, builtCli, 'start', ...own, ...args], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#processes.push(child);
    return child;
  }

  /** Resolves when it says that it can be used. */
  async start(name: string, args?: readonly string[], nodeArgs?: readonly string[]): Promise<StartedDaemon> {
    const process = this.spawn(name, args, nodeArgs);
    const lines = createInterface(process.stdout as NonNullable<typeof process.stdout>);
    const line = once(lines, 'line').then(([text]) => JSON.parse(text as string));
    const exit = once(process, 'exit').then(([code]) => {
      throw new Error(`the daemon ${name} ended with ${code}`);
    });
    exit.catch(() => {});
    const started = await Promise.race([line, exit]);
    if (started.event !== 'started') throw new Error(`the daemon ${name} said ${JSON.stringify(started)}`);
    return { ...started, process };
  }

  /** Two that are connected, as a person would have it: the second is told the address of the first. */
  async startPair(
    nodeArgs?: readonly string[],
  ): Promise<{ asking: StartedDaemon; answering: StartedDaemon }> {
    const answering = await this.start('answering', [], nodeArgs);
    const asking = await this.start('asking', ['--peer', answering.addresses[0] ?? ''], nodeArgs);
    return { asking, answering };
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

/** What node needs for `memoryOf`. */
export const withProbe: readonly string[] = ['--expose-gc', '--import', probe];

/** The memory of a daemon that was started `withProbe`, in bytes, after a garbage collection. */
export async function memoryOf({ process }: StartedDaemon): Promise<NodeJS.MemoryUsage> {
  const answer = once(process, 'message');
  process.send('memory');
  return (await answer)[0] as NodeJS.MemoryUsage;
}
