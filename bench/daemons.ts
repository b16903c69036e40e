import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeOwnFolder, spawnOwn, stop } from './own.ts';

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
  readonly #folder = makeOwnFolder('daemons');
  readonly #processes: ChildProcess[] = [];

  constructor() {
    const { path } = this.#folder;
    const runtime = join(path, 'run');
    mkdirSync(runtime, { mode: 0o700 });
    const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('PEERD_'));
    this.env = {
      ...Object.fromEntries(ours),
      HOME: path,
      XDG_DATA_HOME: join(path, 'data'),
      XDG_RUNTIME_DIR: runtime,
    };
  }

  /** Where the socket of a daemon of that name is, also before it runs. */
  socketOf(name: string): string {
    return join(this.#folder.path, 'run', 'peerd', `${name}.sock`);
  }

  /** Starts a daemon. Nothing is waited for. */
  spawn(name: string, args: readonly string[] = [], nodeArgs: readonly string[] = []): ChildProcess {
    const own = ['--json', '--name', name, '--network', 'bench', '--log-level', 'warn'];
    const child = spawnOwn(process.execPath, [...nodeArgs, builtCli, 'start', ...own, ...args], {
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

  /** So many, each connected to the one before, and to no other. */
  async startLine(name: string, count: number): Promise<StartedDaemon[]> {
    const line: StartedDaemon[] = [];
    for (let i = 0; i < count; i += 1) {
      const before = line.at(-1)?.addresses[0];
      const peer = before === undefined ? [] : ['--peer', before];
      line.push(await this.start(`${name}-${i}`, ['--discovery', 'off', ...peer]));
    }
    return line;
  }

  /** Stops all; resolves when they are gone. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(stop));
    this.#folder.remove();
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
