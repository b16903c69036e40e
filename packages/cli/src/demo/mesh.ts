import type { SocketClient } from '@peerd/client';
import { PeerdError, type PeerRef, text } from '@peerd/protocol';
import { milliseconds } from '../figures.ts';
import { jsonMs } from '../output.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { flawOf, type GraphLink, graph, links, linkText, pathText, stepsOf } from './graph.ts';
import { expect, type Stage } from './stage.ts';

type Strategy = 'table' | 'source';

/** Who asks, and who answers. They have no link. */
const [asking, answering] = [4, 5] as const;

/** Six daemons of which not all are linked: one asks another over those between, and again when a link on that path is cut. */
export async function mesh(stage: Stage, strategy: Strategy): Promise<void> {
  const network = await Mesh.start(stage, strategy);
  await stage.until(() => network.isWhole());
  stage.seen('linked', `linked are ${links.map(linkText).join(', ')}, and no others`);
  await stage.until(() => network.isKnown());
  stage.seen('known', '4 knows a way to 5 over others, and 5 one to 4');
  await network.answer();

  stage.seen('request', '4 asks 5');
  const path = await network.ask(stage, (ms) => `in ${ms}`);
  const cut = stepsOf(path)[1] as GraphLink;
  await network.cut(cut);
  const cutMs = performance.now();
  await stage.until(() => network.isWhole());
  stage.seen('cut', `the link ${linkText(cut)}, which it took, is cut`);
  stage.seen('request', '4 asks 5 again');
  await network.ask(stage, (ms) => `${ms} after the cut`, cutMs);
  // Had it come back, the path would have proved less.
  if (!(await network.isWhole()))
    throw new PeerdError('internal', `the link ${linkText(cut)} is there again`);
}

interface Node {
  readonly id: string;
  readonly client: SocketClient;
}

class Mesh {
  readonly #nodes: readonly Node[];
  #links: readonly GraphLink[] = links;
  /** The ids of those that 5 was asked by. */
  readonly #callers: string[] = [];

  private constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  /** Each connects to its neighbours with lower numbers. */
  static async start(stage: Stage, strategy: Strategy): Promise<Mesh> {
    const options = ['--discovery', 'off', '--routing-strategy', strategy];
    const daemons: Promise<DaemonProcess>[] = [];
    for (const [number, neighbours] of graph.entries()) {
      const lower = neighbours.filter((each) => each < number).map((each) => daemons[each]);
      const starting = Promise.all(lower).then((peers) =>
        stage.start(`node${number}`, [
          ...options,
          ...peers.flatMap((peer) => ['--peer', peer?.info.addresses[0] ?? '']),
        ]),
      );
      starting.catch(() => {});
      daemons.push(starting);
    }
    const nodes: Node[] = [];
    for (const [number, starting] of daemons.entries()) {
      const { info } = await starting;
      stage.seen('start', `node ${number} is up: ${info.id}`, { pid: info.pid });
    }
    for (const starting of daemons) {
      const daemon = await starting;
      nodes.push({ id: daemon.info.id, client: await stage.connect(daemon) });
    }
    return new Mesh(nodes);
  }

  async answer(): Promise<void> {
    await this.#node(answering).client.handle('', ({ peer, peerName }) => {
      this.#callers.push(peer);
      return text.encode(`hello ${peerName}`);
    });
  }

  /** Returns the path, from the one that asks to the one that answers. Fails if it can't have been that. */
  async ask(
    stage: Stage,
    when: (ms: string) => string,
    sinceMs: number = performance.now(),
  ): Promise<readonly number[]> {
    const { id } = this.#node(answering);
    let passed: readonly PeerRef[] = [];
    const { signal } = stage;
    const onPath = (path: readonly PeerRef[]) => {
      passed = path;
    };
    const answer = await text.request(this.#node(asking).client, id, 'hello', { signal, onPath });
    const ms = performance.now() - sinceMs;
    const path = [asking, ...passed.map(({ peer }) => this.#nodes.findIndex((node) => node.id === peer))];
    const flaw = flawOf(path, [asking, answering], this.#links);
    if (flaw !== undefined) throw new PeerdError('internal', `the path of the request is not real: ${flaw}`);
    expect(answer, 'hello node4');
    expect(this.#callers.at(-1) ?? 'nobody', this.#node(asking).id);
    const told = `5 answers ${when(milliseconds(ms))}: the request went ${pathText(path)}`;
    stage.seen('response', told, { path, ms: jsonMs(ms) });
    return path;
  }

  /** Closes the link at both ends, so that neither of them connects again. */
  async cut(link: GraphLink): Promise<void> {
    this.#links = this.#links.filter(([a, b]) => a !== link[0] || b !== link[1]);
    const [a, b] = link.map((end) => this.#node(end)) as [Node, Node];
    await Promise.all([a.client.disconnect(b.id), b.client.disconnect(a.id)]);
  }

  /** Whether its links stand, and no other connection: seen from both ends. */
  async isWhole(): Promise<boolean> {
    const lists = await Promise.all(this.#nodes.map(({ client }) => client.peers()));
    const connected = lists.map((peers) => peers.filter((peer) => peer.connected).map(({ id }) => id));
    const expected = this.#nodes.map((_, number) =>
      this.#links.flatMap(([a, b]) => (a === number ? [b] : b === number ? [a] : [])),
    );
    return expected.every((neighbours, number) => {
      const ids = neighbours.map((each) => this.#node(each).id);
      return ids.length === connected[number]?.length && ids.every((id) => connected[number]?.includes(id));
    });
  }

  /** Whether the two know a way to each other. */
  async isKnown(): Promise<boolean> {
    const [a, b] = [this.#node(asking), this.#node(answering)];
    const [fromA, fromB] = await Promise.all([a.client.routes(), b.client.routes()]);
    return fromA.some(({ peer }) => peer === b.id) && fromB.some(({ peer }) => peer === a.id);
  }

  #node(number: number): Node {
    return this.#nodes[number] as Node;
  }
}
