import { contractSuite, nowhere } from '../../protocol/test/contract.ts';
import { TestNetwork } from './support/nodes.ts';

contractSuite(
  'in process',
  async () => {
    const network = new TestNetwork();
    const [a, b] = await network.pair({}, { peers: [nowhere] });
    return { a, b, close: () => network[Symbol.asyncDispose]() };
  },
  async () => {
    const network = new TestNetwork();
    const [a, b, c] = await network.chain();
    return { a, b, c, close: () => network[Symbol.asyncDispose]() };
  },
);
