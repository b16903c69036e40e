import { PeerdError } from '@peerd/protocol';
import type { ClientBody } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeDaemon, fakePair } from './control-pair.ts';
import { RawClient } from './raw-client.ts';

const reason = new PeerdError('stopped', 'the daemon is stopping');
const helloWith = (whileStopping: boolean): ClientBody => ({
  case: 'hello',
  value: { versions: [1], program: 'test', whileStopping },
});

describe('a client that is there when the daemon begins to stop, and says hello only then', () => {
  let a: FakeDaemon;
  let b: FakeDaemon;
  let client: RawClient;
  beforeEach(async () => {
    ({ a, b } = await fakePair());
    client = await RawClient.connect(a.socket);
    client.read();
    await expect.poll(() => a.server.clients).toBe(1);
    a.server.refuse(reason);
  });
  afterEach(async () => {
    client.socket.destroy();
    await Promise.all([a.close(), b.close()]);
  });

  test('is told why, and disconnected', async () => {
    client.send(0, helloWith(false));
    expect((await client.next())?.body).toMatchObject({ case: 'fault', value: { code: 'stopped' } });
    expect(await client.next()).toBeUndefined();
  });

  test('is let in when it waits for the end, and told that it is near', async () => {
    client.send(0, helloWith(true));
    expect((await client.next())?.body.case).toBe('welcome');
    expect((await client.next())?.body.case).toBe('stopping');
  });
});
