import { TestNetwork, type TestNode } from '../../core/test/support/nodes.ts';
import type { ContractPeer } from '../../protocol/test/contract/pair.ts';
import { contractSuite, nowhere } from '../../protocol/test/contract.ts';
import { serveNode } from './control-pair.ts';

/** Clients of these nodes, each over a socket, and what ends it all. */
async function served(network: TestNetwork, nodes: readonly TestNode[]) {
  const servers = await Promise.all(nodes.map((node) => serveNode(node.client, node)));
  const peers = await Promise.all(
    servers.map(async (server, i): Promise<ContractPeer> => {
      const { id, name } = nodes[i] as TestNode;
      return { client: await server.connect(), id, name };
    }),
  );
  const close = async () => {
    await Promise.all(servers.map((server) => server.close()));
    await network[Symbol.asyncDispose]();
  };
  return { peers, close };
}

contractSuite(
  'over the control socket',
  async () => {
    const network = new TestNetwork();
    const { peers, close } = await served(network, await network.pair({}, { peers: [nowhere] }));
    const [a, b] = peers as [ContractPeer, ContractPeer];
    return { a, b, close };
  },
  async () => {
    const network = new TestNetwork();
    const { peers, close } = await served(network, await network.chain());
    const [a, b, c] = peers as [ContractPeer, ContractPeer, ContractPeer];
    return { a, b, c, close };
  },
);
