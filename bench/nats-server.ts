import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeOwnFolder, spawnOwn, stop } from './own.ts';

export const noNats = 'nats-server is not installed';

const startTimeoutMs = 10_000;

/** A nats-server of the bench's own, on a free port of 127.0.0.1. */
export class NatsServer {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: ReturnType<typeof makeOwnFolder>;

  private constructor(url: string, process: ChildProcess, folder: ReturnType<typeof makeOwnFolder>) {
    this.url = url;
    this.#process = process;
    this.#folder = folder;
  }

  /** Undefined where it is not installed. */
  static async start(): Promise<NatsServer | undefined> {
    const program = find('nats-server');
    if (program === undefined) return undefined;
    const folder = makeOwnFolder('nats');
    const args = ['--addr', '127.0.0.1', '--port', '-1', '--ports_file_dir', folder.path];
    const process = spawnOwn(program, args, { cwd: folder.path, stdio: 'ignore' });
    const deadlineMs = performance.now() + startTimeoutMs;
    let url: string | undefined;
    while (url === undefined) {
      if (process.exitCode !== null) throw new Error(`${program} ended with ${process.exitCode}`);
      if (performance.now() > deadlineMs) throw new Error(`${program} did not say where it listens`);
      await delay(10);
      url = urlIn(folder.path);
    }
    return new NatsServer(url, process, folder);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async stop(): Promise<void> {
    await stop(this.#process);
    this.#folder.remove();
  }
}

/** It writes the addresses into a file named after itself. */
function urlIn(folder: string): string | undefined {
  const file = readdirSync(folder).find((name) => name.endsWith('.ports'));
  if (file === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(join(folder, file), 'utf8')).nats[0];
  } catch {
    return undefined; // It is still being written.
  }
}

function find(program: string): string | undefined {
  // Debian's package puts it where only the administrator's PATH leads.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
