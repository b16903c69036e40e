import { callsSuite } from '../../protocol/test/contract.ts';
import { connect, eventually, TestNetwork, type TestNode } from './support/nodes.ts';

for (const strategy of ['table', 'source'] as const)
  callsSuite(`in process, over two others, the strategy being ${strategy}`, async () => {
    const network = new TestNetwork();
    const names = ['alice', 'carol', 'dave', 'bob'];
    const nodes = await Promise.all(names.map((name) => network.start(name, { routing: { strategy } })));
    const [a, carol, dave, b] = nodes as [TestNode, TestNode, TestNode, TestNode];
    await connect(a, carol);
    await connect(carol, dave);
    await connect(dave, b);
    const reaches = async (from: TestNode, to: TestNode) =>
      (await from.client.routes()).some(({ peer }) => peer === to.id);
    await eventually(
      'the ends know of each other',
      async () => (await reaches(a, b)) && (await reaches(b, a)),
    );
    const between = [carol, dave].map(({ id, name }) => ({ peer: id, name }));
    return { a, b, between, close: () => network[Symbol.asyncDispose]() };
  });
