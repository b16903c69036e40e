import { Deadlines } from '../../src/channel/deadlines.ts';
import { sessionsSelf } from '../../src/ends.ts';
import { Entropy } from '../../src/entropy.ts';
import type { PacketKind, PacketReceived, PacketSend } from '../../src/forwarding/messages.ts';
import { encryptionKeyStatement } from '../../src/hello/proof.ts';
import { encryptionKeyOf, peerIdOf, privateKeyOf } from '../../src/identity.ts';
import type { SessionSignal } from '../../src/request/messages.ts';
import type { Ways } from '../../src/routing/messages.ts';
import { seededRandom } from '../../src/server/random.ts';
import type { SessionsInput, SessionsOutput } from '../../src/sessions/messages.ts';
import { SessionsState } from '../../src/sessions/state.ts';

interface Weather {
  readonly loss?: number;
  readonly duplication?: number;
  /** ms, from and to: with a range packets overtake each other. */
  readonly delayMs?: readonly [number, number];
}

/** One end, and what it has said to the owner of its calls. */
export interface End {
  readonly id: string;
  readonly state: SessionsState;
  readonly signals: SessionSignal[];
  /** All bytes that came, by link. */
  readonly received: Map<number, Buffer>;
}

/** A packet as its receiver gets it. */
export function receivedFrom(from: string, kind: PacketKind, body: Uint8Array): PacketReceived {
  return { type: 'packet/received', from, neighbour: 'between', kind, body, path: undefined };
}

/** Two ends with a network of packets between them, on a clock that only the test moves. */
export class SessionPair {
  nowMs = 0;
  a!: End;
  b!: End;
  weather: Weather = {};
  /** Sees each packet that is sent; what it returns goes on. Default: the packet. */
  tap: (packet: PacketSend, from: string) => PacketSend[] = (packet) => [packet];
  /** How many packets have been sent. */
  sent = 0;
  readonly #random: () => number;
  readonly #agenda = new Deadlines<() => void>(1);

  private constructor(seed: number) {
    this.#random = seededRandom([seed, 1, 2, 3]);
  }

  static async of(
    seed = 1,
    options: {
      readonly psk?: Uint8Array;
      readonly hasAdverts?: boolean;
      /** Of the first end, at its start. */
      readonly firstSequence?: number;
    } = {},
  ): Promise<SessionPair> {
    const pair = new SessionPair(seed);
    const secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const;
    const ids = await Promise.all(secrets.map(peerIdOf));
    const signatures = await Promise.all(
      secrets.map(async (secret) => {
        const key = await privateKeyOf(secret);
        return await key.sign(encryptionKeyStatement(encryptionKeyOf(secret).publicKey));
      }),
    );
    const ways: Ways = {
      strategy: 'table',
      next: () => undefined,
      distance: () => undefined,
      way: () => undefined,
      advertOf: (peer) => {
        const i = ids.indexOf(peer);
        if (i < 0 || options.hasAdverts === false) return undefined;
        const { publicKey } = encryptionKeyOf(secrets[i] as Uint8Array);
        return {
          origin: peer,
          sequence: 1,
          name: nameOf(i),
          encryptionKey: publicKey,
          signature: new Uint8Array(),
        };
      },
    };
    const make = (i: 0 | 1): End => {
      const id = ids[i] as string;
      const end: {
        id: string;
        state?: SessionsState;
        signals: SessionSignal[];
        received: Map<number, Buffer>;
      } = {
        id,
        signals: [],
        received: new Map(),
      };
      const queue: SessionsOutput[] = [];
      const context = {
        get nowMs() {
          return pair.nowMs;
        },
        random: pair.#random,
        emit: (output: SessionsOutput) => {
          queue.push(output);
          pair.#carryOut(end as End, output);
        },
      };
      const policy = { network: 'n', key: options.psk, allow: new Set<string>(), deny: new Set<string>() };
      const self = sessionsSelf(
        { id, name: nameOf(i), encryptionKeySignature: signatures[i] as Uint8Array },
        policy,
        encryptionKeyOf(secrets[i] as Uint8Array),
        i === 0 ? (options.firstSequence ?? 1) : 1,
      );
      end.state = new SessionsState(context, self, ways, new Entropy(Buffer.alloc(32, seed + i)));
      return end as End;
    };
    pair.a = make(0);
    pair.b = make(1);
    return pair;
  }

  step(end: End, ...inputs: SessionsInput[]): void {
    const handlers = end.state.handlers as unknown as Record<string, (input: SessionsInput) => void>;
    for (const input of inputs) handlers[input.type]?.(input);
  }

  /** Lets time pass, or until something holds. */
  run(ms: number, until: () => boolean = () => false): boolean {
    const endMs = this.nowMs + ms;
    for (;;) {
      if (until()) return true;
      const next = Math.min(this.#agenda.nextMs, this.a.state.nextTickMs, this.b.state.nextTickMs);
      if (next > endMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      this.#agenda.expire(this.nowMs, (event) => event());
      for (const end of [this.a, this.b])
        if (end.state.nextTickMs <= this.nowMs) this.step(end, { type: 'tick' });
    }
    this.nowMs = endMs;
    return until();
  }

  /** How many stand at an end. */
  sessionsOf(end: End): number {
    return end.state.quotas.find(({ name }) => name === 'sessions')?.info.size ?? Number.NaN;
  }

  of(end: End, type: SessionSignal['type']): SessionSignal[] {
    return end.signals.filter((signal) => signal.type === type);
  }

  #carryOut(end: End, output: SessionsOutput): void {
    if (output.type === 'packet/send') {
      this.sent += 1;
      for (const packet of this.tap(output, end.id)) this.#deliver(end, packet);
    } else if (output.type === 'session/bytes') {
      const before = end.received.get(output.link) ?? Buffer.alloc(0);
      end.received.set(output.link, Buffer.concat([before, output.bytes]));
    } else if (output.type.startsWith('session/')) end.signals.push(output as SessionSignal);
  }

  #deliver(from: End, { kind, body, to }: PacketSend): void {
    const { loss = 0, duplication = 0, delayMs = [5, 5] } = this.weather;
    if (this.#random() < loss) return;
    const end = to === this.a.id ? this.a : this.b;
    const copies = this.#random() < duplication ? 2 : 1;
    for (let i = 0; i < copies; i += 1) {
      const atMs = this.nowMs + delayMs[0] + this.#random() * (delayMs[1] - delayMs[0]);
      const whole = Buffer.concat(body);
      this.#agenda.add(() => this.step(end, receivedFrom(from.id, kind, whole)), atMs);
    }
  }
}

function nameOf(i: number): string {
  return i === 0 ? 'alice' : 'bob';
}
