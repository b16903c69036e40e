import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@peerd/client';
import { afterAll, describe, expect, test } from 'vitest';
import { reachable } from '../../core/test/support/nodes.ts';
import type { ContractPeer } from '../../protocol/test/contract/pair.ts';
import { contractSuite, nowhere } from '../../protocol/test/contract.ts';
import { loadConfig } from '../src/config/load.ts';
import { type Daemon, startDaemon } from '../src/daemon.ts';
import { createLog } from '../src/log/log.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function start(name: string, network: string, peers: readonly string[] = []): Promise<Daemon> {
  const folder = await mkdtemp(join(tmpdir(), 'peerd-daemon-'));
  folders.push(folder);
  const flags = {
    name,
    network,
    peers,
    discovery: 'off',
    data: join(folder, 'data'),
    socket: join(folder, 's'),
  };
  return await startDaemon({ config: await loadConfig({ flags, env: { HOME: folder } }) });
}

const newNetwork = () => `test-${randomBytes(6).toString('hex')}`;

/** Clients of these daemons, and what ends it all. */
async function clientsOf(daemons: readonly Daemon[]) {
  const peers = await Promise.all(
    daemons.map(async ({ info: { id, name, socket } }): Promise<ContractPeer> => {
      return { client: await connect({ socket, onHandlerError: () => {} }), id, name };
    }),
  );
  const close = async () => void (await Promise.all(daemons.map((daemon) => daemon.stop())));
  return { peers, close };
}

contractSuite(
  'daemons, each with a client on its socket',
  async () => {
    const network = newNetwork();
    const alice = await start('alice', network);
    const bob = await start('bob', network, [...alice.info.addresses, nowhere]);
    const { peers, close } = await clientsOf([alice, bob]);
    const [a, b] = peers as [ContractPeer, ContractPeer];
    await b.client.ping(a.id);
    return { a, b, close };
  },
  async () => {
    const network = newNetwork();
    const alice = await start('alice', network);
    const bob = await start('bob', network, alice.info.addresses);
    const carol = await start('carol', network, bob.info.addresses);
    const { peers, close } = await clientsOf([alice, bob, carol]);
    const [a, b, c] = peers as [ContractPeer, ContractPeer, ContractPeer];
    await Promise.all([reachable(a, c), reachable(c, a)]);
    return { a, b, c, close };
  },
);

describe('a daemon', () => {
  test('stops when a client asks it to, and takes its socket away', async () => {
    const daemon = await start('alice', newNetwork());
    const client = await connect({ socket: daemon.info.socket });
    expect(client.daemon).toMatchObject({ id: daemon.info.id, name: 'alice' });
    await client.stop();
    expect((await client.closed).code).toBe('stopped');
    await daemon.stopped;
    await expect(lstat(daemon.info.socket)).rejects.toThrow();
  });

  test('can be stopped more than once', async () => {
    const daemon = await start('alice', newNetwork());
    await Promise.all([daemon.stop(), daemon.stop()]);
    await daemon.stop();
  });

  test('logs what is not well with its configuration', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peerd-daemon-'));
    folders.push(folder);
    const file = join(folder, 'peerd.toml');
    await writeFile(file, 'network_secret = "swordfish"');
    await chmod(file, 0o644);
    const flags = { name: 'alice', discovery: 'off', data: join(folder, 'data'), socket: join(folder, 's') };
    const warnings: string[] = [];
    const log = await createLog({
      level: 'warn',
      sink: { write: (line) => warnings.push(JSON.parse(line).msg) > 0 },
    });
    const daemon = await startDaemon({
      config: await loadConfig({ file, flags, env: { HOME: folder } }),
      log,
    });
    await daemon.stop();
    expect(warnings).toEqual([expect.stringContaining(`chmod 600 ${file}`)]);
  });

  test('that can not start lets go of its data directory', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peerd-daemon-'));
    folders.push(folder);
    const flags = {
      name: 'alice',
      network: newNetwork(),
      data: join(folder, 'data'),
      socket: join(folder, 's'),
    };
    const bad = await loadConfig({
      flags: { ...flags, listen: ['/ip4/192.0.2.1/tcp/1'] },
      env: { HOME: folder },
    });
    await expect(startDaemon({ config: bad })).rejects.toMatchObject({ code: 'invalid' });
    const daemon = await startDaemon({ config: await loadConfig({ flags, env: { HOME: folder } }) });
    await daemon.stop();
  });
});
