import { TestNetwork } from '../../core/test/support/nodes.ts';
import { contractSuite, nowhere } from '../../protocol/test/contract.ts';
import { serveNode } from './control-pair.ts';

contractSuite('over the control socket', async () => {
  const network = new TestNetwork();
  const [alice, bob] = await network.pair({}, { peers: [nowhere] });
  const served = await Promise.all([serveNode(alice.client, alice), serveNode(bob.client, bob)]);
  return {
    a: { client: await served[0].connect(), id: alice.id, name: alice.name },
    b: { client: await served[1].connect(), id: bob.id, name: bob.name },
    close: async () => {
      await Promise.all(served.map((each) => each.close()));
      await network[Symbol.asyncDispose]();
    },
  };
});
