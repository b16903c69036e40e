import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type SocketClient } from '@peerd/client';
import { PeerdError } from '@peerd/protocol';
import type { DemoDoneJson, DemoStepJson } from '../json/program.ts';
import type { Output } from '../output.ts';
import { DaemonProcess } from './daemon-process.ts';

/** Time for the whole of it. It takes a few seconds on a machine that is not busy. */
const limitMs = 60_000;

/** How often a daemon is asked while a change is awaited. */
const lookEveryMs = 50;

/** Runs a demonstration. Fails unless every step was seen; cleans up either way. */
export async function perform(
  output: Output,
  interrupted: AbortSignal,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new PeerdError('timeout', `the demonstration took more than ${limitMs / 1_000} s`)),
    limitMs,
  );
  const signal = AbortSignal.any([interrupted, late.signal]);
  const stage = new Stage(output, signal);
  const ended = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
  const played = async () => {
    await stage.open();
    await play(stage);
    stage.done();
  };
  try {
    await Promise.race([played(), ended]);
  } finally {
    clearTimeout(timer);
    await stage.close();
  }
}

/** Daemons in folders and a network of their own, the connections to them, and what of it all is told. */
export class Stage {
  readonly signal: AbortSignal;
  readonly #output: Output;
  readonly #cleanUps: (() => Promise<unknown>)[] = [];
  readonly #network: string = `demo-${randomBytes(4).toString('hex')}`;
  #env: NodeJS.ProcessEnv = {};
  #step = 0;

  constructor(output: Output, signal: AbortSignal) {
    this.#output = output;
    this.signal = signal;
  }

  /** Makes the folders. */
  async open(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'peerd-demo-'));
    const remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    this.#cleanUps.push(async () => {
      process.off('exit', remove);
      remove();
    });
    const runtime = join(folder, 'run');
    await mkdir(runtime, { mode: 0o700 });
    // What the user's own daemons are told in variables and files is not for these.
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('PEERD_'));
    this.#env = {
      ...Object.fromEntries(others),
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, 'config'),
      XDG_DATA_HOME: join(folder, 'data'),
      XDG_RUNTIME_DIR: runtime,
    };
  }

  /** The last that was begun ends first. */
  async close(): Promise<void> {
    for (const cleanUp of this.#cleanUps.reverse()) await cleanUp().catch(() => {});
  }

  /** Starts a daemon of that name. */
  async start(name: string, args: readonly string[] = []): Promise<DaemonProcess> {
    this.signal.throwIfAborted();
    const own = ['--name', name, '--network', this.#network, '--log-level', 'warn'];
    const starting = DaemonProcess.start([...own, ...args], this.#env);
    this.#cleanUps.push(async () => await (await starting).kill());
    return await starting;
  }

  async connect(daemon: DaemonProcess): Promise<SocketClient> {
    const { socket } = daemon.info;
    const program = 'peerd demo';
    const client = await connect({ program, socket, signal: this.signal, reconnect: false });
    this.#cleanUps.push(() => client.close());
    return client;
  }

  async until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await delay(lookEveryMs, undefined, { signal: this.signal });
  }

  seen(
    event: DemoStepJson['event'],
    text: string,
    more: Omit<DemoStepJson, 'event' | 'step' | 'text'> = {},
  ): void {
    this.#step += 1;
    const json: DemoStepJson = { event, step: this.#step, text, ...more };
    this.#output.result(`${this.#step}. ${text}`, json);
  }

  done(): void {
    if (this.#output.json) this.#output.object({ event: 'done' } satisfies DemoDoneJson);
    else this.#output.text('All of it was seen.');
  }
}

export function expect(seen: string, expected: string): void {
  if (seen !== expected) throw new PeerdError('internal', `expected ${expected}, saw ${seen}`);
}
