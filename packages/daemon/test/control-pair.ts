import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectOptions, connect, type SocketClient } from '@peerd/client';
import type { DirectClient } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { silentLog } from '../../core/src/log.ts';
import { ControlServer } from '../src/control/server.ts';
import { LogRing } from '../src/log/ring.ts';
import { FakeNetwork, type FakeNode } from './fake-network.ts';

/** A control server on a real Unix socket. */
export interface ServedNode {
  socket: string;
  server: ControlServer;
  stopAsked: Promise<void>;
  /** What `logs` is answered from. */
  records: LogRing;
  connect(options?: ConnectOptions): Promise<SocketClient>;
  close(): Promise<void>;
}

export interface FakeDaemon extends ServedNode {
  node: FakeNode;
}

/** A control server over a node's client, on a real Unix socket: a new one, or that of a server before it. */
export async function serveNode(
  client: DirectClient,
  { id, name }: { id: string; name: string },
  before?: ServedNode,
): Promise<ServedNode> {
  const folder = before === undefined ? await mkdtemp(join(tmpdir(), 'peerd-control-')) : undefined;
  const socket = before?.socket ?? join(folder ?? '', `${name}.sock`);
  const asked = Promise.withResolvers<void>();
  const records = new LogRing();
  const server = new ControlServer({
    client,
    identity: {
      id,
      name,
      version: '0.0.0-test',
      pid: process.pid,
      data: folder ?? '',
      configFile: undefined,
    },
    socket,
    log: silentLog,
    daemon: {
      records,
      ticket: async ({ addresses, withSecret }) => ({
        ticket: 'peerd1x',
        addresses: [...addresses],
        hasSecret: withSecret,
        loopbackOnly: addresses.length === 0,
      }),
      reload: async () => ({ changed: ['allow'], restart: ['listen'], warnings: [] }),
      stop: () => asked.resolve(),
    },
  });
  await server.listen();
  let closing: Promise<unknown> | undefined;
  const close = async () => {
    closing ??= server
      .close(new PeerdError('stopped', 'the daemon was stopped'))
      .then(() => (folder === undefined ? undefined : rm(folder, { recursive: true })));
    await closing;
  };
  return {
    socket,
    server,
    stopAsked: asked.promise,
    records,
    connect: (options = {}) => connect({ socket, onHandlerError: () => {}, ...options }),
    close,
  };
}

async function fakeDaemon(network: FakeNetwork, name: string): Promise<FakeDaemon> {
  const node = network.add(name);
  return { node, ...(await serveNode(node, node)) };
}

export async function fakePair() {
  const network = new FakeNetwork();
  const [a, b] = await Promise.all([fakeDaemon(network, 'alice'), fakeDaemon(network, 'bob')]);
  return { network, a, b };
}
