import type { RoutingSettings } from '../../src/config.ts';
import { encodeHead, Head } from '../../src/forwarding/codec.ts';
import type { PacketKind } from '../../src/forwarding/messages.ts';
import { keyOfPeer, PeerKeys } from '../../src/peer-keys.ts';
import type { PacketFrame } from '../../src/request/frames.ts';
import type { Output } from '../../src/server/messages.ts';
import { defaultRouting } from '../../src/settings.ts';
import { Simulation } from '../../src/simulation/simulation.ts';
import { CoreActor, describeWire, type Identity, identityOf, type Outcome, type Wire } from './core-actor.ts';

/** Where the fields of a packet's head stand: docs/protocols/forwarding.md. */
const KIND_AT = 2;
const SOURCE_AT = 3;
const DESTINATION_AT = 35;

/** By their numbers. */
export const kinds: readonly PacketKind[] = [
  'data',
  'control',
  'init',
  'response',
  'seek',
  'offer',
  'sealed',
  'probe',
  'probe-reply',
];

const keys = new PeerKeys();

export interface Read {
  readonly kind: PacketKind | undefined;
  readonly from: string;
  readonly to: string;
  readonly body: Buffer;
}

export function read({ head, body }: PacketFrame): Read {
  const fields = new Head(head);
  const { kind } = fields;
  return { kind, from: fields.source(keys), to: fields.destination(keys), body: Buffer.concat(body) };
}

/** The packet with other fields in its head, or another body. */
export function altered(
  packet: PacketFrame,
  change: { from?: string; to?: string; kind?: PacketKind; body?: Uint8Array },
): PacketFrame {
  const head = Uint8Array.from(packet.head);
  if (change.from !== undefined) head.set(keyOfPeer(change.from) as Uint8Array, SOURCE_AT);
  if (change.to !== undefined) head.set(keyOfPeer(change.to) as Uint8Array, DESTINATION_AT);
  if (change.kind !== undefined) head[KIND_AT] = kinds.indexOf(change.kind);
  return { ...packet, head, body: change.body === undefined ? packet.body : [change.body] };
}

/** The packet as one that asks for its way to be recorded, and says that it has passed these. */
export function recorded(packet: PacketFrame, path: readonly string[]): PacketFrame {
  const fields = new Head(packet.head);
  const source = keyOfPeer(fields.source(keys)) as Uint8Array;
  const destination = keyOfPeer(fields.destination(keys)) as Uint8Array;
  const kind = fields.kind ?? 'data';
  const head = encodeHead({ hops: 10, kind, source, destination, via: [], record: true });
  const passed = path.map((peer) => keyOfPeer(peer) as Uint8Array);
  return { ...packet, head: Buffer.concat([head.subarray(0, -1), Uint8Array.of(path.length), ...passed]) };
}

/** The body with a bit of the byte at `place` changed; from its end, where that is negative. */
export function flipped(body: Uint8Array, place: number): Uint8Array {
  const changed = Uint8Array.from(body);
  const at = place < 0 ? body.length + place : place;
  changed[at] = (changed[at] as number) ^ 1;
  return changed;
}

export type Name = 'alice' | 'bob' | 'carol' | 'dave' | 'mallory';

/**
 * Alice and bob, between whom there is only mallory, who is let in like everybody and does with packets as a test says;
 * carol, behind mallory too. Dave, when a test links him, is another way.
 */
export class HostileStage {
  readonly network: Simulation<Wire, CoreActor>;
  readonly #identities: Readonly<Record<Name, Identity>>;

  private constructor(
    seed: number,
    strategy: RoutingSettings['strategy'],
    identities: Readonly<Record<Name, Identity>>,
  ) {
    this.network = new Simulation<Wire, CoreActor>(seed, {}, describeWire);
    this.#identities = identities;
    for (const identity of Object.values(identities))
      this.network.add(
        identity.id,
        (world) => new CoreActor(world, identity, { routingSettings: { ...defaultRouting, strategy } }),
      );
    for (const name of ['alice', 'bob', 'carol'] as const) this.link(name, 'mallory');
    // Until all know the adverts of all.
    this.run(6_000);
  }

  static async of(strategy: RoutingSettings['strategy'] = 'table', seed = 1): Promise<HostileStage> {
    const [alice, bob, carol, dave, mallory] = await Promise.all([
      identityOf('alice'),
      identityOf('bob'),
      identityOf('carol'),
      identityOf('dave'),
      identityOf('mallory'),
    ]);
    return new HostileStage(seed, strategy, { alice, bob, carol, dave, mallory });
  }

  identity(name: Name): Identity {
    return this.#identities[name];
  }

  id(name: Name): string {
    return this.#identities[name].id;
  }

  actor(name: Name): CoreActor {
    return this.network.actor(this.id(name));
  }

  link(a: Name, b: Name): void {
    this.network.link(this.id(a), this.id(b));
  }

  /** Its state is gone; it comes back with the links that it had. */
  restart(name: Name, ...neighbours: Name[]): void {
    this.network.crash(this.id(name));
    this.run(1_000);
    this.network.restart(this.id(name));
    for (const neighbour of neighbours) this.link(name, neighbour);
    this.run(6_000);
  }

  run(ms: number, until?: () => boolean): boolean {
    return this.network.run(ms, until);
  }

  /** Everything of one type that a node's state puts out from now on. */
  watch<Type extends Output['type']>(name: Name, type: Type): Extract<Output, { type: Type }>[] {
    const seen: Extract<Output, { type: Type }>[] = [];
    const actor = this.actor(name);
    const before = actor.onOutput;
    actor.onOutput = (output) => {
      before(output);
      if (output.type === type) seen.push(output as Extract<Output, { type: Type }>);
    };
    return seen;
  }

  /** What alice gets when she asks bob, as text: the answer, or the code of the error. */
  ask(payload: string, timeoutMs = 30_000): string {
    const outcome: Outcome = this.actor('alice').request(this.id('bob'), payload, timeoutMs);
    this.run(timeoutMs + 5_000, () => outcome.value !== undefined || outcome.error !== undefined);
    if (outcome.value !== undefined) return Buffer.from(outcome.value).toString();
    return outcome.error === undefined ? 'never settled' : `${outcome.error.code}: ${outcome.error.message}`;
  }
}
