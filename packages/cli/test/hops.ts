import { connect, type SocketClient } from '@peerd/client';
import type { PeerRef } from '@peerd/protocol';
import { expect, vi } from 'vitest';
import { type RunningDaemon, Sandbox } from './sandbox.ts';

export interface HopsNode extends RunningDaemon {
  readonly client: SocketClient;
}

/** Daemons of which only those that are told to are linked, and a client of each. */
export class HopsNetwork<Name extends string> implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly #nodes: ReadonlyMap<Name, HopsNode>;

  private constructor(sandbox: Sandbox, nodes: ReadonlyMap<Name, HopsNode>) {
    this.sandbox = sandbox;
    this.#nodes = nodes;
  }

  /** Each name with those before it that it is linked to. */
  static async start<Name extends string>(
    links: Readonly<Record<Name, readonly NoInfer<Name>[]>>,
    args: readonly string[] = [],
  ): Promise<HopsNetwork<Name>> {
    const sandbox = await Sandbox.make();
    const nodes = new Map<Name, HopsNode>();
    for (const [name, peers] of Object.entries(links) as [Name, readonly Name[]][]) {
      const addresses = peers.flatMap((peer) => ['--peer', nodes.get(peer)?.info.addresses[0] ?? '']);
      const daemon = await sandbox.start(name, ['--discovery', 'off', ...addresses, ...args]);
      // What a killed daemon leaves behind must not keep a test waiting.
      const client = await connect({
        socket: daemon.info.socket,
        reconnect: false,
        onHandlerError: () => {},
      });
      nodes.set(name, Object.assign(daemon, { client }));
    }
    return new HopsNetwork(sandbox, nodes);
  }

  node(name: Name): HopsNode {
    return this.#nodes.get(name) as HopsNode;
  }

  /** Whom a node knows a way to, nearest first. */
  async reach(from: Name): Promise<string[]> {
    return (await this.node(from).client.routes()).map(({ name }) => name);
  }

  /** Resolves when the two know a way to each other. */
  async know(a: Name, b: Name): Promise<void> {
    const known = async () => {
      expect(await this.reach(a)).toContain(b);
      expect(await this.reach(b)).toContain(a);
    };
    await vi.waitFor(known, { timeout: 20_000 });
  }

  /** Asks with text; returns the answer and the names of those that the request passed. */
  async ask(
    from: Name,
    to: Name,
    payload: string,
    options: { service?: string; timeoutMs?: number } = {},
  ): Promise<{ answer: string; path: (string | undefined)[] }> {
    let passed: readonly PeerRef[] = [];
    const onPath = (path: readonly PeerRef[]) => {
      passed = path;
    };
    const bytes = await this.node(from).client.request(to, Buffer.from(payload), { ...options, onPath });
    return { answer: Buffer.from(bytes).toString(), path: passed.map(({ name }) => name) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ client }) => client.close().catch(() => {})));
    await this.sandbox.close();
  }
}
