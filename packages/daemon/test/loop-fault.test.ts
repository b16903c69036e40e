import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@peerd/client';
import { PeerdError } from '@peerd/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { startDaemon } from '../src/daemon.ts';
import { createLog, type DaemonLog } from '../src/log/log.ts';
import { FakeNetwork } from './fake-network.ts';

/** How the loop of the next peer ends. */
const loop = { ended: Promise.withResolvers<void>() };

vi.mock('@peerd/core', async (original) => ({
  ...(await original<typeof import('@peerd/core')>()),
  createPeer: async () => {
    const client = new FakeNetwork().add('alice');
    const run = ({ signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => void client.close().then(loop.ended.resolve));
      return loop.ended.promise;
    };
    return { client, server: { id: client.id, run, drain: async () => {} } };
  },
}));

describe('a daemon whose server loop', () => {
  let folder: string;
  let errors: string[];
  let log: DaemonLog;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerd-loop-'));
    loop.ended = Promise.withResolvers<void>();
    errors = [];
    log = await createLog({
      level: 'error',
      sink: { write: (line) => errors.push(JSON.parse(line).msg) > 0 },
    });
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function start() {
    const flags = { name: 'alice', data: join(folder, 'data'), socket: join(folder, 's') };
    const config = await loadConfig({ flags, env: { HOME: folder } });
    return await startDaemon({ config, log });
  }

  test('fails ends with the reason, which its clients are told too', async () => {
    const daemon = await start();
    const client = await connect({ socket: daemon.info.socket, reconnect: false });
    loop.ended.reject(new PeerdError('internal', 'the network stack fell over'));
    await expect(daemon.stopped).rejects.toMatchObject({
      code: 'internal',
      message: 'the network stack fell over',
    });
    expect((await client.closed).message).toBe('the network stack fell over');
    expect(errors).toEqual([expect.stringContaining('the network stack fell over')]);
    // All was let go of: the next one can start.
    loop.ended = Promise.withResolvers<void>();
    await (await start()).stop();
  });

  test('ends by itself is a fault', async () => {
    const daemon = await start();
    loop.ended.resolve();
    await expect(daemon.stopped).rejects.toMatchObject({ code: 'internal' });
    await expect(daemon.stop()).rejects.toMatchObject({ code: 'internal' });
  });

  test('does not end when it is told to is left after 5 s', async () => {
    const daemon = await start();
    vi.spyOn(daemon.client, 'close').mockReturnValue(new Promise(() => {}));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stopping = daemon.stop().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5_000);
    vi.useRealTimers();
    expect(await stopping).toMatchObject({ code: 'internal', message: expect.stringContaining('5000 ms') });
    // The rest of it goes on once it can.
    loop.ended.resolve();
  });
});
