import { type Client, type NodeStatus, PeerdError, type PeerInfo } from '@peerd/protocol';
import { expect } from 'vitest';
import {
  createPeer,
  type DirectClient,
  generateSecret,
  type Log,
  type PeerConfig,
  type Server,
} from '../../src/index.ts';
import type { RunOptions } from '../../src/peer.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** A running node, and what a test wants to know of it. */
export interface TestNode {
  readonly id: string;
  readonly name: string;
  readonly client: DirectClient;
  readonly server: Server;
  /** Listened, ending in `/p2p/<id>`. */
  readonly address: string;
  readonly log: TestLog;
  /** Stops it and resolves when `server.run` has. */
  stop(): Promise<void>;
}

/** Nodes of one network with a name of its own, all stopped when the test is over. */
export class TestNetwork implements AsyncDisposable {
  static #count = 0;
  readonly name: string;
  readonly #nodes: TestNode[] = [];

  constructor() {
    TestNetwork.#count += 1;
    this.name = `test-${process.pid}-${TestNetwork.#count}`;
  }

  /** With discovery off, unless `config` says otherwise: nodes connect to whom they are told to. */
  async start(name: string, config: Partial<PeerConfig> = {}, run: RunOptions = {}): Promise<TestNode> {
    const log = new TestLog();
    const { client, server } = await createPeer({
      secret: await generateSecret(),
      name,
      network: this.name,
      discovery: 'off',
      log,
      ...config,
    });
    const stopping = new AbortController();
    const ended = server.run({ ...run, signal: stopping.signal });
    ended.catch(() => {});
    const { addresses } = await Promise.race([client.status(), ended.then(neverRan)]);
    const stop = () => {
      stopping.abort();
      return ended;
    };
    const node = { id: server.id, name, client, server, address: addresses[0] as string, log, stop };
    this.#nodes.push(node);
    return node;
  }

  /** Two nodes, the first connected to the second. */
  async pair(a: Partial<PeerConfig> = {}, b: Partial<PeerConfig> = {}): Promise<[TestNode, TestNode]> {
    const pair = await Promise.all([this.start('alice', a), this.start('bob', b)]);
    await connect(...pair);
    return pair;
  }

  /** Three nodes, each connected to the next; the ends know a way to each other over the one between. */
  async chain(): Promise<[TestNode, TestNode, TestNode]> {
    const names = ['alice', 'bob', 'carol'] as const;
    const chain = await Promise.all(names.map((name) => this.start(name)));
    const [a, b, c] = chain as [TestNode, TestNode, TestNode];
    await Promise.all([connect(a, b), connect(b, c)]);
    await Promise.all([reachable(a, c), reachable(c, a)]);
    return [a, b, c];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }
}

function neverRan(): NodeStatus {
  throw new Error('the server ended before it listened');
}

/** Resolves when each of the two may use the connection. */
export async function connect(from: TestNode, to: TestNode): Promise<void> {
  await from.client.ping(to.address);
}

/** Resolves when `from` knows a way to `to`, over whomever. */
export async function reachable(
  from: Pick<TestNode, 'name'> & { readonly client: Client },
  to: Pick<TestNode, 'id' | 'name'>,
): Promise<void> {
  await eventually(`${from.name} knows a way to ${to.name}`, async () =>
    (await from.client.routes()).some(({ peer }) => peer === to.id),
  );
}

/** What a node has written down, line by line. */
export class TestLog implements Log {
  readonly lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  readonly debug = (message: string): void => this.#add('debug', message);
  readonly info = (message: string): void => this.#add('info', message);
  readonly warn = (message: string): void => this.#add('warn', message);
  readonly error = (message: string): void => this.#add('error', message);

  /** The first (second, …) line that fits, as soon as it is there; the test's own time limit ends the wait. */
  async line(pattern: RegExp, which = 1): Promise<string> {
    for (;;) {
      const found = this.lines.filter((line) => pattern.test(line))[which - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #add(level: string, message: string): void {
    this.lines.push(`${level} ${message}`);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** The error that a call fails with; the test fails when it does not. */
export async function failure(promise: Promise<unknown>): Promise<PeerdError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PeerdError);
  return error as PeerdError;
}

/** The signal's abort as a promise. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** For what no event tells: asks again until it holds, and fails after `withinMs`. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function peerOf(node: TestNode, id: string): Promise<PeerInfo | undefined> {
  return (await node.client.peers()).find((peer) => peer.id === id);
}

/** Different at each place, so that a chunk out of order shows. */
export function pattern(length: number, seed = 0): Uint8Array {
  const payload = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) payload[i] = (i * 31 + (i >> 8) + (i >> 16) + seed) & 0xff;
  return payload;
}
