import { expect, test } from 'vitest';
import { bytes, failure, TestNetwork, text } from './support/nodes.ts';

test('the configuration says who may ask a service, and can say so anew while the node runs', async () => {
  await using network = new TestNetwork();
  const alice = await network.start('alice');
  const bob = await network.start('bob', { services: { shut: 'nobody', '': { peers: [alice.id] } } });
  const carol = await network.start('carol');
  for (const node of [alice, carol]) await node.client.connect(bob.address);
  for (const service of ['shut', '', 'open']) await bob.client.handle(service, ({ payload }) => payload);
  const ask = async (node: typeof alice, service: string) => {
    const answer = node.client.request(bob.id, bytes('x'), { service });
    return answer.then(text, ({ code }) => code);
  };
  const outcomes = async (node: typeof alice) =>
    await Promise.all(['shut', '', 'open'].map((service) => ask(node, service)));
  expect(await outcomes(alice)).toEqual(['forbidden', 'x', 'x']);
  expect(await outcomes(carol)).toEqual(['forbidden', 'forbidden', 'x']);
  const error = await failure(carol.client.request(bob.id, bytes('x')));
  expect(error.message).toContain(`is for named peers, and ${carol.id} is not one of them`);

  await bob.server.reconfigure({ network: network.name, discovery: 'off', services: { open: 'nobody' } });
  expect(await outcomes(carol)).toEqual(['x', 'x', 'forbidden']);
  expect((await bob.client.services()).map(({ service, access }) => [service, access])).toEqual([
    ['', 'open'],
    ['open', 'nobody'],
    ['shut', 'open'],
  ]);
});

test('the configuration holds for an event handler too', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair({}, { services: { shut: 'nobody' } });
  bob.server.setEventHandler({ handleRequest: ({ payload }) => payload, handleBroadcast() {} });
  expect(text(await alice.client.request(bob.id, bytes('x'), { service: 'any' }))).toBe('x');
  const error = await failure(alice.client.request(bob.id, bytes('x'), { service: 'shut' }));
  expect(error).toMatchObject({ code: 'forbidden', message: expect.stringContaining('closed to everybody') });
});

test('a configured peer can be disconnected though it was never reached', async () => {
  await using network = new TestNetwork();
  const bob = await network.start('bob');
  await bob.stop();
  const alice = await network.start('alice', { peers: [bob.address] });
  expect(await alice.client.disconnect(bob.id)).toBe(0);
  expect((await failure(alice.client.connect(bob.id))).code).toBe('unreachable');
});
