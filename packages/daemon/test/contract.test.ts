import { contractSuite } from '../../protocol/test/contract.ts';
import { fakePair } from './control-pair.ts';

contractSuite('over the control socket', async () => {
  const { a, b } = await fakePair();
  return {
    a: { client: await a.connect(), id: a.node.id, name: a.node.name },
    b: { client: await b.connect(), id: b.node.id, name: b.node.name },
    close: async () => {
      await Promise.all([a.close(), b.close()]);
    },
  };
});
