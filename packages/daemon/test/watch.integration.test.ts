import { expect, test } from 'vitest';
import { TestNetwork } from '../../core/test/support/nodes.ts';
import { serveNode } from './control-pair.ts';
import { SocketProxy } from './socket-proxy.ts';

test('a watch goes on over a lost connection, and says that it does not know what it missed', async () => {
  await using network = new TestNetwork();
  const node = await network.start('alice');
  const served = await serveNode(node.client, node);
  const proxy = await SocketProxy.before(served.socket);
  const restored = Promise.withResolvers<void>();
  const client = await served.connect({
    socket: proxy.path,
    reconnect: { firstDelayMs: 1, maxDelayMs: 20 },
    onConnection: ({ type }) => {
      if (type === 'restored') restored.resolve();
    },
  });
  const watch = await client.watch();
  const events = watch[Symbol.asyncIterator]();
  const handle = (service: string) => node.client.handle(service, ({ payload }) => payload);
  await handle('before');
  expect((await events.next()).value).toMatchObject({ service: 'before', missed: 0 });
  await proxy.cut();
  await proxy.open();
  await restored.promise;
  await handle('after');
  expect((await events.next()).value).toMatchObject({ service: 'after', missed: undefined });
  await handle('later');
  expect((await events.next()).value).toMatchObject({ service: 'later', missed: 0 });
  await watch.close();
  expect((await events.next()).done).toBe(true);
  await client.close();
  await proxy.cut();
  await served.close();
});
