import { Deadlines } from '../channel/deadlines.ts';
import { seededRandom } from '../server/random.ts';

/** What a link does to messages. */
export interface Weather {
  /** How long a message is on its way, in ms: from the first to the second. Default: 1 to 20. */
  readonly delayMs: readonly [number, number];
  /** The share of messages that get lost. Default: 0. */
  readonly loss: number;
  /** The share of messages that arrive twice. Default: 0. */
  readonly duplication: number;
  /** Whether a message may overtake an earlier one of its link. Default: no, as on a stream. */
  readonly reordering: boolean;
  /** How long it takes an end to notice that a link is gone, in ms. Default: 0 to 100. */
  readonly noticeMs: readonly [number, number];
}

const fair: Weather = {
  delayMs: [1, 20],
  loss: 0,
  duplication: 0,
  reordering: false,
  noticeMs: [0, 100],
};

/** What a node under simulation is given. */
export interface World<Message> {
  readonly id: string;
  readonly nowMs: number;
  /** In [0, 1), from the seed. */
  random(): number;
  /** To a neighbour; without a link to it the message is lost. */
  send(to: string, message: Message): void;
}

/** A node under simulation: a state machine that is told what happens, and when. */
export interface Actor<Message> {
  linked(peer: string): void;
  unlinked(peer: string): void;
  receive(from: string, message: Message): void;
  tick(): void;
  /** When it wants the next tick; `Infinity`: not at all. */
  readonly nextTickMs: number;
}

interface Node<Message, A extends Actor<Message>> {
  readonly id: string;
  readonly boot: (world: World<Message>) => A;
  /** `undefined` while it is down. */
  actor: A | undefined;
  /** The neighbours that it believes to have, each with the link that it knows. */
  readonly sees: Map<string, number>;
  wakeMs: number;
}

interface Link {
  /** A link that is cut and comes back is another one: nothing of the old one arrives on it. */
  readonly number: number;
  readonly ends: readonly [string, string];
  /** When the last message arrives, by its sender: a stream keeps its order. */
  readonly lastMs: Map<string, number>;
  /** Senders whose messages are swallowed. */
  readonly deafTo: Set<string>;
}

/**
 * About a microsecond: two events seldom fall together, and then the one that was added first comes first. A power of
 * two, or rounding could have an event come before its time.
 */
const SLOT_MS = 2 ** -10;

/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Many nodes, the links between them and a clock that only they move: a run is a function of its seed. Actors are
 * synchronous; all that is random comes from the seed, so that equal seeds give equal traces.
 */
export class Simulation<Message, A extends Actor<Message> = Actor<Message>> {
  nowMs = 0;
  /** Messages sent, and lost on the way. */
  readonly counts = { sent: 0, lost: 0 };
  /** Called with each event, in words: to print a run. */
  onEvent: ((event: string) => void) | undefined;
  readonly random: () => number;
  readonly #weather: Weather;
  readonly #describe: (message: Message) => string;
  readonly #nodes = new Map<string, Node<Message, A>>();
  readonly #links = new Map<string, Link>();
  /** Links that a partition has taken, to be brought back. */
  readonly #parted = new Map<string, readonly [string, string]>();
  readonly #agenda = new Deadlines<() => void>(SLOT_MS);
  #lastLink = 0;
  #digest = FNV_OFFSET;

  /** `describe`: a message in words, for the trace. Default: JSON. */
  constructor(
    seed: number,
    weather: Partial<Weather> = {},
    describe: (message: Message) => string = JSON.stringify,
  ) {
    this.random = seededRandom([seed | 0, 0x5eed, 0, 1]);
    this.#weather = { ...fair, ...weather };
    this.#describe = describe;
  }

  /** A number that two runs have in common if all their events were the same. */
  get digest(): number {
    return this.#digest >>> 0;
  }

  get ids(): string[] {
    return [...this.#nodes.keys()];
  }

  /** Those that are up. */
  get actors(): Map<string, A> {
    const up = new Map<string, A>();
    for (const { id, actor } of this.#nodes.values()) if (actor !== undefined) up.set(id, actor);
    return up;
  }

  /** Of a node that is up. */
  actor(id: string): A {
    const { actor } = this.#node(id);
    if (actor === undefined) throw new Error(`${id} is down`);
    return actor;
  }

  /** Adds a node and starts it. `boot` is called again at each restart: what a crash loses is made anew there. */
  add(id: string, boot: (world: World<Message>) => A): void {
    const node: Node<Message, A> = {
      id,
      boot,
      actor: undefined,
      sees: new Map(),
      wakeMs: Number.POSITIVE_INFINITY,
    };
    this.#nodes.set(id, node);
    this.#start(node);
  }

  /** Links two nodes that are up; each learns of it after the delay of a message. */
  link(a: string, b: string): void {
    if (this.#links.has(keyOf(a, b)) || !this.isUp(a) || !this.isUp(b)) return;
    this.#lastLink += 1;
    const link: Link = { number: this.#lastLink, ends: [a, b], lastMs: new Map(), deafTo: new Set() };
    this.#links.set(keyOf(a, b), link);
    this.#tell(`link ${a} ${b}`);
    this.#raise(link);
  }

  /** What is under way is lost; both ends notice after a while. */
  cut(a: string, b: string): void {
    const link = this.#links.get(keyOf(a, b));
    if (link === undefined) return;
    this.#links.delete(keyOf(a, b));
    this.#tell(`cut ${a} ${b}`);
    for (const [end, other] of [
      [a, b],
      [b, a],
    ] as const)
      this.#after(this.#between(this.#weather.noticeMs), () =>
        this.#lose(this.#node(end), other, link.number),
      );
  }

  isLinked(a: string, b: string): boolean {
    return this.#links.has(keyOf(a, b));
  }

  /** Whether what one sends now gets to the other, if it is not lost. */
  carries(from: string, to: string): boolean {
    const link = this.#links.get(keyOf(from, to));
    return link !== undefined && !link.deafTo.has(from);
  }

  get links(): (readonly [string, string])[] {
    return [...this.#links.values()].map(({ ends }) => ends);
  }

  /** From now on what `from` sends to `to` is swallowed, and neither is told; the other way goes on. */
  silence(from: string, to: string): void {
    this.#links.get(keyOf(from, to))?.deafTo.add(from);
    this.#tell(`silence ${from} ${to}`);
  }

  /** Cuts all links between nodes of different groups, until `heal`. */
  partition(...groups: readonly (readonly string[])[]): void {
    const groupOf = new Map(groups.flatMap((ids, group) => ids.map((id) => [id, group] as const)));
    for (const [a, b] of this.links) {
      if (groupOf.get(a) === groupOf.get(b)) continue;
      this.#parted.set(keyOf(a, b), [a, b]);
      this.cut(a, b);
    }
  }

  /** Brings back the links that partitions have cut. */
  heal(): void {
    for (const [a, b] of this.#parted.values()) this.link(a, b);
    this.#parted.clear();
  }

  /** Its state is gone at once; its neighbours notice after a while. Its links are cut. */
  crash(id: string): void {
    const node = this.#node(id);
    if (node.actor === undefined) return;
    for (const [a, b] of this.links) if (a === id || b === id) this.cut(a, b);
    node.actor = undefined;
    node.sees.clear();
    this.#tell(`crash ${id}`);
  }

  /** Boots it again, without links. */
  restart(id: string): void {
    this.#start(this.#node(id));
  }

  isUp(id: string): boolean {
    return this.#node(id).actor !== undefined;
  }

  /** Lets time pass: `ms`, or less if `until` holds after some event. Returns whether it did. */
  run(ms: number, until: () => boolean = () => false): boolean {
    const endMs = this.nowMs + ms;
    let isOver = until();
    while (!isOver && this.#agenda.nextMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.#agenda.nextMs);
      this.#agenda.expire(this.nowMs, (event) => event());
      isOver = until();
    }
    if (!isOver) this.nowMs = endMs;
    return isOver;
  }

  #start(node: Node<Message, A>): void {
    if (node.actor !== undefined) return;
    this.#tell(`boot ${node.id}`);
    const self = this;
    node.wakeMs = Number.POSITIVE_INFINITY;
    node.actor = node.boot({
      id: node.id,
      get nowMs() {
        return self.nowMs;
      },
      random: this.random,
      send: (to, message) => this.#send(node, to, message),
    });
    this.#arm(node);
  }

  #raise(link: Link): void {
    for (const [end, other] of [link.ends, link.ends.toReversed()] as [string, string][]) {
      // Nothing that the other end sends over it arrives before.
      const atMs = this.nowMs + this.#between(this.#weather.delayMs);
      link.lastMs.set(other, atMs);
      this.#at(atMs, () => {
        const node = this.#node(end);
        if (this.#links.get(keyOf(end, other)) !== link || node.actor === undefined) return;
        this.#drop(node, other);
        node.sees.set(other, link.number);
        this.#tell(`linked ${end} ${other}`);
        node.actor.linked(other);
        this.#arm(node);
      });
    }
  }

  #lose(node: Node<Message, A>, other: string, number: number): void {
    if (node.sees.get(other) === number) this.#drop(node, other);
  }

  #drop(node: Node<Message, A>, other: string): void {
    if (!node.sees.delete(other)) return;
    this.#tell(`unlinked ${node.id} ${other}`);
    node.actor?.unlinked(other);
    this.#arm(node);
  }

  #send(node: Node<Message, A>, to: string, message: Message): void {
    this.counts.sent += 1;
    const link = this.#links.get(keyOf(node.id, to));
    const { loss, duplication, delayMs, reordering } = this.#weather;
    const isLost = this.random() < loss;
    if (link === undefined || link.number !== node.sees.get(to) || link.deafTo.has(node.id) || isLost) {
      this.counts.lost += 1;
      return;
    }
    const copies = this.random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      let atMs = this.nowMs + this.#between(delayMs);
      if (!reordering) {
        atMs = Math.max(atMs, link.lastMs.get(node.id) ?? 0);
        link.lastMs.set(node.id, atMs);
      }
      this.#at(atMs, () => this.#deliver(link, node.id, to, message));
    }
  }

  #deliver(link: Link, from: string, to: string, message: Message): void {
    const node = this.#node(to);
    if (this.#links.get(keyOf(from, to)) !== link || node.sees.get(from) !== link.number) {
      this.counts.lost += 1;
      return;
    }
    this.#tell(`${from} to ${to} ${this.#describe(message)}`);
    node.actor?.receive(from, message);
    this.#arm(node);
  }

  /** Has it ticked when it wants to be. */
  #arm(node: Node<Message, A>): void {
    const atMs = Math.max(this.nowMs, node.actor?.nextTickMs ?? Number.POSITIVE_INFINITY);
    if (atMs >= node.wakeMs || atMs === Number.POSITIVE_INFINITY) return;
    node.wakeMs = atMs;
    const { actor } = node;
    this.#at(atMs, () => {
      if (node.actor !== actor || node.wakeMs !== atMs) return;
      node.wakeMs = Number.POSITIVE_INFINITY;
      if ((actor?.nextTickMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) actor?.tick();
      this.#arm(node);
    });
  }

  #after(ms: number, event: () => void): void {
    this.#at(this.nowMs + ms, event);
  }

  #at(ms: number, event: () => void): void {
    this.#agenda.add(event, ms);
  }

  #between([least, most]: readonly [number, number]): number {
    return least + this.random() * (most - least);
  }

  #node(id: string): Node<Message, A> {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  #tell(event: string): void {
    const line = `${this.nowMs.toFixed(3)} ${event}`;
    this.onEvent?.(line);
    for (let i = 0; i < line.length; i += 1)
      this.#digest = Math.imul(this.#digest ^ line.charCodeAt(i), FNV_PRIME);
  }
}

function keyOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
