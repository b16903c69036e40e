import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Measured } from './loops.ts';
import type { Order, Said } from './processes/parent.ts';

/** The processes of a case that are files of `processes/`. */
export class Children {
  readonly #processes: ChildProcess[] = [];

  /** Starts a file, on the packages as they are built; resolves when it is ready. */
  async start(file: string, args: readonly string[]): Promise<Child> {
    const path = fileURLToPath(new URL(`processes/${file}`, import.meta.url));
    const process = fork(path, args, { execArgv: [] });
    this.#processes.push(process);
    const child = new Child(process, file);
    await child.ready;
    return child;
  }

  /** Tells all to end; resolves when they are gone. */
  async end(): Promise<void> {
    const running = this.#processes.filter(({ connected }) => connected);
    const exits = running.map((process) => once(process, 'exit'));
    for (const process of running) process.disconnect();
    await Promise.all(exits);
  }
}

export class Child {
  /** What it said when it was ready. */
  readonly ready: Promise<unknown>;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor(process: ChildProcess, file: string) {
    this.#process = process;
    this.ready = this.#expect(0);
    process.on('message', ({ id, value }: Said) => {
      this.#waiting.get(id)?.resolve(value);
      this.#waiting.delete(id);
    });
    process.once('exit', (code, signal) => {
      for (const waiting of this.#waiting.values())
        waiting.reject(new Error(`${file}, a process of the benchmark, ended with ${signal ?? code}`));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async measure(work: Order['work']): Promise<Measured> {
    this.#lastId += 1;
    const order: Order = { id: this.#lastId, work };
    this.#process.send(order);
    return (await this.#expect(order.id)) as Measured;
  }

  #expect(id: number): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    return waiting.promise;
  }
}
