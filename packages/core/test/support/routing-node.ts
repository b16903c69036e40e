import { routingSelf } from '../../src/adverts.ts';
import { peerIdOf } from '../../src/identity.ts';
import { decodeExchange, encodeExchange } from '../../src/routing/codec.ts';
import type {
  Advert,
  Entry,
  Exchange,
  Links,
  RoutingInput,
  RoutingOutput,
  Ways,
} from '../../src/routing/messages.ts';
import { type RoutingSelf, RoutingState } from '../../src/routing/state.ts';
import { FakeContext } from './context.ts';
import { idOf, named } from './peer-ids.ts';

/** An advert that nobody has signed. */
export function advertOf(
  origin: string,
  sequence: number,
  { name = origin, links }: AdvertParts = {},
): Advert {
  const own = { origin, sequence, name, encryptionKey: new Uint8Array(32), signature: new Uint8Array([1]) };
  return links === undefined ? own : { ...own, links: { issuedMs: 0, ...links } };
}

interface AdvertParts {
  readonly name?: string;
  readonly links?: Omit<Links, 'issuedMs'> & Partial<Links>;
}

/** One whose adverts everybody takes for genuine, from sequence 1. */
export function trustingSelf(id: string): RoutingSelf {
  return {
    id,
    firstSequence: 1,
    advertise: (sequence, links) => advertOf(id, sequence, links === undefined ? {} : { links }),
    isGenuine: () => true,
  };
}

/** One who signs, and checks what is signed. */
export async function signingSelf(name: string, network = 'test'): Promise<RoutingSelf> {
  const secret = new Uint8Array(32).fill(Buffer.from(name)[0] as number);
  const self = routingSelf({ name, policy: { network } }, await peerIdOf(secret), secret, new Uint8Array(32));
  return { ...self, firstSequence: 1 };
}

/** What is asked of routing with the names of peers, and answered with them. */
export interface NamedState extends Ways {
  readonly counters: RoutingState['counters'];
}

/** Routing of a node by itself, told by hand what its neighbours say: peers go by names, where a test gives them some. */
export class RoutingNode {
  readonly context = new FakeContext<RoutingOutput>();
  readonly state: NamedState;
  readonly #state: RoutingState;
  #version = 0;
  #key = 0;

  constructor(
    self: RoutingSelf,
    neighbours: readonly string[],
    { strategy = 'table', forward = 'network' }: Partial<ConstructorParameters<typeof RoutingState>[2]> = {},
  ) {
    const id = idOf(self.id);
    const state = new RoutingState(
      this.context,
      { ...self, id, advertise: (...own) => ({ ...self.advertise(...own), origin: id }) },
      { strategy, forward },
      () => -1,
    );
    this.#state = state;
    this.state = {
      strategy,
      next: (to) => named(state.next(idOf(to))),
      distance: (to) => state.distance(idOf(to)),
      way: (to, attempt) => named(state.way(idOf(to), attempt)),
      advertOf: (peer) => named(state.advertOf(idOf(peer))),
      get counters() {
        return state.counters;
      },
    };
    for (const peer of neighbours)
      this.step({ type: 'peer/came', peer, name: peer, kind: 'peerd', roles: [] });
  }

  step(input: RoutingInput): void {
    const given = 'peer' in input ? { ...input, peer: idOf(input.peer) } : input;
    (this.#state.handlers[input.type] as (input: RoutingInput) => void)(given);
  }

  /** Lets time pass, with all the ticks that are asked for meanwhile. */
  pass(ms: number): void {
    const untilMs = this.context.nowMs + ms;
    while (this.#state.nextTickMs <= untilMs) {
      this.context.nowMs = Math.max(this.context.nowMs, this.#state.nextTickMs);
      this.step({ type: 'tick' });
    }
    this.context.nowMs = untilMs;
  }

  /** Returns what the neighbour is answered. */
  says(peer: string, ...entries: Entry[]): Exchange | undefined {
    this.#version += 1;
    return this.saysBytes(
      peer,
      encodeExchange({
        epoch: 1,
        base: 0,
        version: this.#version,
        ack: 1,
        entries: entries.map(withIds),
        requests: [],
      }),
    );
  }

  saysBytes(peer: string, payload: Uint8Array): Exchange | undefined {
    this.#key += 1;
    this.context.takeOf('request/answer');
    this.step({ type: 'request/internal-inbound', key: this.#key, peer, service: '$peerd/routes', payload });
    const [answer] = this.context.takeOf('request/answer');
    return answer && named(decodeExchange(answer.payload));
  }

  /** Who was found and lost since the last time. */
  news(): string[] {
    const found = this.context.takeOf('route/found').map(({ peer, name }) => `${named(peer)} is ${name}`);
    return [...found, ...this.context.takeOf('route/lost').map(({ peer }) => `${named(peer)} is lost`)];
  }

  /** What `top` counts, as far as there is any. */
  get counted(): Record<string, number> {
    const counters = this.state.counters.filter(({ count }) => count > 0);
    return Object.fromEntries(counters.map(({ name, count }) => [name, count]));
  }
}

function withIds(entry: Entry): Entry {
  const origin = idOf(entry.origin);
  if (entry.advert === undefined) return { ...entry, origin };
  const { links, ...own } = entry.advert;
  const advert = { ...own, origin };
  if (links === undefined) return { ...entry, origin, advert };
  return {
    ...entry,
    origin,
    advert: { ...advert, links: { ...links, neighbours: links.neighbours.map(idOf) } },
  };
}
