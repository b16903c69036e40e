import type { PingResult, TraceResult } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { Head } from '../src/forwarding/codec.ts';
import { PeerKeys } from '../src/peer-keys.ts';
import { FrameType, type PacketFrame } from '../src/request/frames.ts';
import { defaultRouting } from '../src/settings.ts';
import { Simulation, type Weather } from '../src/simulation/simulation.ts';
import {
  CoreActor,
  describeWire,
  type Identity,
  identityOf,
  type Settled,
  type Wire,
} from './support/core-actor.ts';

const keys = new PeerKeys();

interface Options {
  readonly seed?: number;
  readonly weather?: Partial<Weather>;
  /** By name. Default: `network`. */
  readonly forward?: Readonly<Record<string, 'network' | 'all' | 'nobody'>>;
  readonly randomFallback?: boolean;
}

/** Whole nodes with names, and every packet that one of them writes to a neighbour. */
class Network {
  readonly simulation: Simulation<Wire, CoreActor>;
  readonly written: { readonly from: string; readonly to: string; readonly packet: PacketFrame }[] = [];
  readonly #identities: ReadonlyMap<string, Identity>;

  private constructor(identities: readonly Identity[], options: Options) {
    const { seed = 1, weather = { delayMs: [1, 5] }, forward = {}, randomFallback = true } = options;
    this.simulation = new Simulation(seed, weather, describeWire);
    this.#identities = new Map(identities.map((identity) => [identity.name, identity]));
    for (const identity of identities)
      this.simulation.add(identity.id, (world) => {
        const routingSettings = {
          ...defaultRouting,
          randomFallback,
          forward: forward[identity.name] ?? defaultRouting.forward,
        };
        const actor = new CoreActor(world, identity, { routingSettings });
        actor.tamper = (to, packet) => {
          this.written.push({ from: identity.name, to: this.nameOf(to), packet });
          return [[to, packet]];
        };
        return actor;
      });
  }

  /** `links`: `ab bc` links a with b and b with c. Without them nobody is linked yet. */
  static async of(names: readonly string[], links = '', options: Options = {}): Promise<Network> {
    const network = new Network(await Promise.all(names.map(identityOf)), options);
    for (const [a = '', b = ''] of links.split(' ').filter((pair) => pair !== '')) network.link(a, b);
    return network;
  }

  id(name: string): string {
    return this.#identities.get(name)?.id as string;
  }

  nameOf(id: string): string {
    return [...this.#identities.values()].find((identity) => identity.id === id)?.name as string;
  }

  node(name: string): CoreActor {
    return this.simulation.actor(this.id(name));
  }

  link(a: string, b: string): void {
    this.simulation.link(this.id(a), this.id(b));
  }

  /** Until what they know of each other is at rest. */
  settle(ms = 3_000): void {
    this.simulation.run(ms);
  }

  trace(from: string, to: string, timeoutMs?: number): Settled<TraceResult> {
    return this.#ended(this.node(from).trace(this.id(to), timeoutMs));
  }

  ping(from: string, to: string, timeoutMs?: number): Settled<PingResult> {
    return this.#ended(this.node(from).ping(this.id(to), timeoutMs));
  }

  /** Who is on the way: `-` where nobody answered. */
  wayOf({ result, error }: Settled<TraceResult>): string {
    if (error !== undefined) throw error;
    return (result?.hops ?? []).map(({ peer }) => (peer === undefined ? '-' : this.nameOf(peer))).join(' ');
  }

  /** How often each packet between two ends was written to a link, by its body. */
  linksTaken(from: string, to: string): number[] {
    const taken = new Map<string, number>();
    for (const { packet } of this.written) {
      const head = new Head(packet.head);
      if (head.source(keys) !== this.id(from) || head.destination(keys) !== this.id(to)) continue;
      const body = Buffer.concat(packet.body).toString('hex');
      taken.set(body, (taken.get(body) ?? 0) + 1);
    }
    return [...taken.values()];
  }

  #ended<T>(outcome: Settled<T>): Settled<T> {
    this.simulation.run(20_000, () => outcome.result !== undefined || outcome.error !== undefined);
    return outcome;
  }
}

const line = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);
/** Names of more than a letter. */
async function lineOf(count: number, options: Options = {}): Promise<Network> {
  const names = line(count);
  const network = await Network.of(names, '', options);
  for (let i = 1; i < count; i += 1) network.link(`n${i - 1}`, `n${i}`);
  return network;
}

describe('in a network of whole nodes', () => {
  test('a trace tells everybody on the way, in order, each with its name and a round trip', async () => {
    const network = await lineOf(6);
    network.settle();
    const { result } = network.trace('n0', 'n5');
    expect(result?.peer).toBe(network.id('n5'));
    expect(result?.name).toBe('n5');
    expect(result?.hops.map(({ hop, peer, name }) => [hop, peer, name])).toEqual(
      [1, 2, 3, 4, 5].map((hop) => [hop, network.id(`n${hop}`), `n${hop}`]),
    );
    // A link takes 1 to 5 ms.
    for (const { hop, rttMs = 0 } of result?.hops ?? []) {
      expect(rttMs).toBeGreaterThanOrEqual(2 * hop);
      expect(rttMs).toBeLessThanOrEqual(10 * hop);
    }
    expect(network.node('n3').refused).toEqual({});
  });

  test('a trace of a neighbour is one hop', async () => {
    const network = await Network.of(['a', 'b'], 'ab');
    network.settle();
    expect(network.wayOf(network.trace('a', 'b'))).toBe('b');
  });

  test('16 links are the longest way there is', async () => {
    const network = await lineOf(18, { randomFallback: false });
    network.settle(8_000);
    expect(network.wayOf(network.trace('n0', 'n16'))).toBe(line(17).slice(1).join(' '));
    expect(network.trace('n0', 'n17').error).toMatchObject({ code: 'unreachable' });
  });

  test('a packet for nobody wanders no further than 16 links, and is counted where it ends', async () => {
    const names = [...'abcdefgh'];
    const network = await Network.of(names, 'ab ac ad be bf cf cg dg dh eh fh ag');
    network.settle();
    const stranger = (await identityOf('stranger')).id;
    network.written.length = 0;
    for (let i = 0; i < 40; i += 1)
      network.node('a').take({
        type: 'packet/send',
        to: stranger,
        kind: 'sealed',
        body: [Uint8Array.of(i)],
        attempt: 0,
        record: false,
      });
    network.settle();
    const bodies = network.written.map(({ packet }) => Buffer.concat(packet.body).toString('hex'));
    const taken = [...new Set(bodies)].map((body) => bodies.filter((other) => other === body).length);
    expect(taken).toEqual(new Array(40).fill(16));
    const expired = names.map((name) => network.node(name).refused['packets past their hop limit'] ?? 0);
    expect(expired.reduce((sum, count) => sum + count)).toBe(40);
  });

  test('a packet for nobody goes nowhere when nothing goes to random neighbours', async () => {
    const network = await Network.of([...'abc'], 'ab bc', { randomFallback: false });
    network.settle();
    const { id } = await identityOf('stranger');
    network.written.length = 0;
    const { error } = network.node('a').trace(id);
    network.settle();
    expect(network.written).toEqual([]);
    expect(error ?? 'none').toMatchObject({ code: 'unreachable' });
  });

  test("at random a neighbour's neighbour is found before any route to it is known", async () => {
    const network = await Network.of([...'abc'], 'ab bc', { weather: { delayMs: [1, 2] } });
    const isNear = (of: string, name: string) =>
      (network.node(of).core.snapshot().forwarding as { neighbours: [string][] }).neighbours.some(
        ([peer]) => peer === network.id(name),
      );
    // Hello is said, and no routes yet.
    expect(
      network.simulation.run(1_000, () => isNear('a', 'b') && isNear('b', 'c') && isNear('c', 'b')),
    ).toBe(true);
    const { routes } = network.node('a').core.snapshot().routing as { routes: { destination: string }[] };
    expect(routes.map(({ destination }) => destination)).not.toContain(network.id('c'));
    const outcome = network.node('a').trace(network.id('c'));
    // Long before neighbours tell each other of routes.
    network.simulation.run(40, () => outcome.result !== undefined);
    expect(network.wayOf(outcome)).toBe('b c');
  });

  test('whoever forwards for nobody is not on any way, and not in the way', async () => {
    const network = await Network.of([...'anfc'], 'an nc af fc', { forward: { n: 'nobody' } });
    network.settle();
    for (let i = 0; i < 5; i += 1) expect(network.wayOf(network.trace('a', 'c'))).toBe('f c');
    // It is a peer like any other.
    expect(network.wayOf(network.trace('a', 'n'))).toBe('n');
    network.simulation.cut(network.id('a'), network.id('f'));
    network.simulation.cut(network.id('f'), network.id('c'));
    network.settle(15_000);
    expect(network.trace('a', 'c').error).toMatchObject({ code: 'unreachable' });
    expect(network.node('n').refused).toEqual({});
  });

  test('whoever does not reply is a hole in a trace', async () => {
    const network = await lineOf(5);
    network.settle();
    const silent = network.node('n2');
    const { tamper } = silent;
    silent.tamper = (to, packet) => {
      const head = new Head(packet.head);
      const isOwnReply = head.kind === 'probe-reply' && head.source(keys) === network.id('n2');
      return isOwnReply ? [] : tamper(to, packet);
    };
    expect(network.wayOf(network.trace('n0', 'n4'))).toBe('n1 - n3 n4');
  });

  test('a reply that is altered on its way is refused and counted, and leaves a hole', async () => {
    const network = await lineOf(4);
    network.settle();
    const mallory = network.node('n1');
    const { tamper } = mallory;
    mallory.tamper = (to, packet) => {
      const head = new Head(packet.head);
      if (head.kind !== 'probe-reply' || head.source(keys) !== network.id('n2')) return tamper(to, packet);
      const body = Uint8Array.from(packet.body[0] as Uint8Array);
      body[20] = (body[20] as number) ^ 1;
      return [[to, { ...packet, body: [body] }]];
    };
    expect(network.wayOf(network.trace('n0', 'n3'))).toBe('n1 - n3');
    expect(network.node('n0').refused).toEqual({ 'forged replies to probes': 2 });
  });

  test('a forwarder can answer in place of those behind it only as itself', async () => {
    const network = await lineOf(4);
    network.settle();
    const mallory = network.node('n1');
    const { tamper } = mallory;
    // It says that the replies of others are from the peer that is looked for, whose reply it swallows.
    mallory.tamper = (to, packet) => {
      const head = new Head(packet.head);
      if (head.kind !== 'probe-reply') return tamper(to, packet);
      if (head.source(keys) === network.id('n3')) return [];
      const claimed = Uint8Array.from(packet.head);
      claimed.set(keys.keyOf(network.id('n3')) as Uint8Array, 3);
      return [[to, { ...packet, head: claimed }]];
    };
    const { error } = network.trace('n0', 'n3', 3_000);
    expect(error).toMatchObject({ code: 'timeout' });
    expect(network.node('n0').refused['forged replies to probes']).toBeGreaterThan(0);
  });

  test('a ping of a peer without a connection is one packet there, and one back', async () => {
    const network = await lineOf(6);
    network.settle();
    network.written.length = 0;
    const { result } = network.ping('n0', 'n5');
    expect(result).toEqual({ peer: network.id('n5'), rttMs: expect.any(Number), routed: true });
    // Five links there and back, each 1 to 5 ms.
    expect(result?.rttMs).toBeGreaterThanOrEqual(10);
    expect(result?.rttMs).toBeLessThanOrEqual(50);
    expect([network.linksTaken('n0', 'n5'), network.linksTaken('n5', 'n0')]).toEqual([[5], [5]]);
  });

  test.each(['b', 'c'])(
    'a ping finds the way around %s, which drops all that it is to pass on',
    async (name) => {
      const network = await Network.of([...'abcd'], 'ab ac bd cd');
      network.settle();
      network.node(name).tamper = () => [];
      for (const [from, to] of ['ad', 'da'])
        expect(network.ping(from as string, to as string).result).toMatchObject({ routed: true });
    },
  );

  test('a ping that nobody passes on ends in its own time', async () => {
    const network = await lineOf(3);
    network.settle();
    network.node('n1').tamper = () => [];
    expect(network.ping('n0', 'n2', 2_500).error).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('over others within 2500 ms'),
    });
  });

  test('packets between two ends take the links of their route, and no more', async () => {
    const network = await Network.of([...'abcde'], 'ab bc cd de ea');
    network.settle();
    network.written.length = 0;
    expect(network.wayOf(network.trace('a', 'c'))).toBe('b c');
    // Of the two probes one may take one link, the other two; each has a reply.
    expect(network.linksTaken('a', 'c').sort()).toEqual([1, 2]);
    expect(network.linksTaken('c', 'a')).toEqual([2]);
    expect(network.written.every(({ packet }) => packet.type === FrameType.packet)).toBe(true);
  });
});
