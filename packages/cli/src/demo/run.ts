import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type SocketClient } from '@peerd/client';
import { PeerdError, type PeerInfo } from '@peerd/protocol';
import type { DemoDoneJson, DemoStepJson } from '../json/program.ts';
import type { Output } from '../output.ts';
import { DaemonProcess } from './daemon-process.ts';

/** Time for the whole of it. It takes a few seconds on a machine that is not busy. */
const limitMs = 60_000;

/** How often a daemon is asked for its table while a change is awaited. */
const lookEveryMs = 50;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Runs the demonstration. Fails unless every step was seen; cleans up either way. */
export async function runDemo(output: Output, interrupted: AbortSignal): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new PeerdError('timeout', `the demonstration took more than ${limitMs / 1_000} s`)),
    limitMs,
  );
  const signal = AbortSignal.any([interrupted, late.signal]);
  const demo = new Demo(output, signal);
  const ended = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
  try {
    await Promise.race([demo.run(), ended]);
  } finally {
    clearTimeout(timer);
    await demo.cleanUp();
  }
}

class Demo {
  readonly #output: Output;
  readonly #signal: AbortSignal;
  readonly #cleanUps: (() => Promise<unknown>)[] = [];
  #step = 0;

  constructor(output: Output, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { env, network } = await this.#ownFolders();
    const alice = await this.#start(['--name', 'alice', '--network', network], env);
    this.#seen('start', `alice is up: ${alice.info.id}`, { pid: alice.info.pid });
    const address = alice.info.addresses[0] ?? '';
    const bob = await this.#start(['--name', 'bob', '--network', network, '--peer', address], env);
    this.#seen('start', `bob is up, told of alice's address only: ${bob.info.id}`, { pid: bob.info.pid });
    const [atAlice, atBob] = await Promise.all([this.#connect(alice), this.#connect(bob)]);

    await this.#until(atAlice, (peers) => peers.some(({ id, connected }) => id === bob.info.id && connected));
    this.#seen('known', "bob is in alice's table, connected");

    await atAlice.handle('', ({ payload, peerName }) =>
      encode(`hello ${peerName}, you said "${decode(payload)}"`),
    );
    const answer = decode(await atBob.request('alice', encode('good morning')));
    expect(answer, 'hello bob, you said "good morning"');
    this.#seen('request', 'bob asks alice: good morning');
    this.#seen('response', `alice answers: ${answer}`);

    const subscription = await atBob.subscribe('news');
    const { peers } = await atAlice.broadcast('news', encode('it works'));
    const { value: message } = await subscription[Symbol.asyncIterator]().next();
    expect(decode(message.payload), 'it works');
    expect(message.from, alice.info.id);
    this.#seen('broadcast', `alice tells ${peers} peer on the topic news, and bob hears: it works`);

    await bob.kill();
    this.#seen('kill', `bob is killed (kill -9 ${bob.info.pid})`);
    await this.#until(
      atAlice,
      (table) => !table.some(({ id, connected, inDht }) => id === bob.info.id && (connected || inDht)),
    );
    this.#seen('gone', "bob has left alice's table");
    if (this.#output.json) this.#output.object({ event: 'done' } satisfies DemoDoneJson);
    else this.#output.text('All of it was seen.');
  }

  /** The last that was begun ends first. */
  async cleanUp(): Promise<void> {
    for (const cleanUp of this.#cleanUps.reverse()) await cleanUp().catch(() => {});
  }

  async #ownFolders(): Promise<{ env: NodeJS.ProcessEnv; network: string }> {
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
    const env = {
      ...Object.fromEntries(others),
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, 'config'),
      XDG_DATA_HOME: join(folder, 'data'),
      XDG_RUNTIME_DIR: runtime,
    };
    return { env, network: `demo-${randomBytes(4).toString('hex')}` };
  }

  async #start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<DaemonProcess> {
    this.#signal.throwIfAborted();
    const starting = DaemonProcess.start(['--log-level', 'warn', ...args], env);
    this.#cleanUps.push(async () => await (await starting).kill());
    return await starting;
  }

  async #connect(daemon: DaemonProcess): Promise<SocketClient> {
    const client = await connect({ program: 'peerd demo', socket: daemon.info.socket, signal: this.#signal });
    this.#cleanUps.push(() => client.close());
    return client;
  }

  async #until(client: SocketClient, holds: (peers: PeerInfo[]) => boolean): Promise<void> {
    while (!holds(await client.peers())) await delay(lookEveryMs, undefined, { signal: this.#signal });
  }

  #seen(event: DemoStepJson['event'], text: string, more: Pick<DemoStepJson, 'pid'> = {}): void {
    this.#step += 1;
    const json: DemoStepJson = { event, step: this.#step, text, ...more };
    this.#output.result(`${this.#step}. ${text}`, json);
  }
}

function expect(seen: string, expected: string): void {
  if (seen !== expected) throw new PeerdError('internal', `expected ${expected}, saw ${seen}`);
}
