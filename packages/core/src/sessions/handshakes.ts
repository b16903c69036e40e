import type { ErrorCode } from '@peerd/protocol';
import { Deadlines } from '../channel/deadlines.ts';
import type { Entropy } from '../entropy.ts';
import type { Ways } from '../routing/messages.ts';
import type { Context } from '../server/feature.ts';
import { decodeGreeting, decodeNumber, decodeOffer, encodeGreeting, encodeOffer } from './codec.ts';
import { GREETING_MS, Greeting, NO_WAY_MS } from './greeting.ts';
import { Intake } from './intake.ts';
import type { SessionsOutput } from './messages.ts';
import { type KeyPair, NoiseError, Responder, type TransportKeys } from './noise.ts';

/** Peers whose last handshake is remembered, so that it can't be played again. */
const MAX_SEQUENCES = 16_384;

/** What one says of itself to be let in. */
export interface SessionsSelf {
  readonly id: string;
  readonly name: string;
  readonly keys: KeyPair;
  /** By its identity, of its encryption key. */
  readonly encryptionKeySignature: Uint8Array;
  /** Above that of all earlier runs. */
  readonly firstSequence: number;
  /** The network's key; zeros without one. */
  readonly psk: Uint8Array;
  readonly lists: Lists;
  prologue(initiator: string, responder: string): Uint8Array;
  isKeyOf(peer: string, key: Uint8Array, signature: Uint8Array): boolean;
  /** What the lists say against a peer. */
  denial(peer: string, lists: Lists): Denial | undefined;
}

/** Who may be here, by peer id; nobody allowed: everybody who is not denied. */
export interface Lists {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

interface Denial {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** Who has shaken hands with us. */
export interface Ends {
  readonly id: number;
  readonly peer: string;
  /** Who handed its last message over. */
  readonly neighbour: string;
  readonly name: string | undefined;
  readonly theirId: number;
  readonly isInitiator: boolean;
}

interface Answer {
  readonly message: Uint8Array;
  /** Where the best way has failed: peers to pass on the one that it went last, back to where the question came from. */
  via: readonly string[] | undefined;
}

/** Whom handshakes are for. */
interface Owner {
  /** Why there is to be no session with a peer. */
  refusal(peer: string, neighbour: string): Denial | undefined;
  /** `greeting`: what we began it with. */
  established(ends: Ends, keys: TransportKeys, greeting: Greeting | undefined): void;
  failed(link: number, code: ErrorCode, message: string): void;
}

/** What another end sends. */
interface Message {
  readonly from: string;
  readonly neighbour: string;
  readonly body: Uint8Array;
  /** Those that it has passed, where the best way has failed before. */
  readonly path: readonly string[] | undefined;
}

/** Handshakes on their way, ours and those of others (Noise IKpsk2: two messages). */
export class Handshakes {
  readonly intake: Intake;
  readonly #context: Context<SessionsOutput>;
  readonly #self: SessionsSelf;
  readonly #ways: Ways;
  readonly #entropy: Entropy;
  readonly #owner: Owner;
  readonly #greetings = new Map<string, Greeting>();
  readonly #deadlines = new Deadlines<Greeting>();
  /** Our last messages, by the first one: said again when that comes again, until the other end has been heard of. */
  readonly #answers = new Map<string, Answer>();
  readonly #answered = new Map<number, string>();
  /** Those that were refusals. */
  readonly #refused = new Deadlines<string>();
  /** The highest that each peer has begun a handshake with. */
  readonly #sequences = new Map<string, number>();
  #lastSequence: number;
  /** Messages that who is named in them can't have sent, and that came before. */
  forged = 0;
  repeated = 0;

  constructor(
    context: Context<SessionsOutput>,
    self: SessionsSelf,
    ways: Ways,
    entropy: Entropy,
    owner: Owner,
  ) {
    this.#context = context;
    this.#self = self;
    this.#ways = ways;
    this.#entropy = entropy;
    this.#owner = owner;
    this.#lastSequence = self.firstSequence;
    this.intake = new Intake(context);
  }

  get size(): number {
    return this.#greetings.size;
  }

  get nextTickMs(): number {
    return Math.min(this.#deadlines.nextMs, this.#refused.nextMs);
  }

  /** Begins one. */
  open(link: number, peer: string): void {
    const greeting = new Greeting(this.#makeId(), peer, link, this.#context.nowMs);
    this.#greetings.set(peer, greeting);
    this.#greet(greeting);
    this.#deadlines.add(greeting, greeting.dueMs);
  }

  /** No way led to the other end. */
  unsent(peer: string, reason: string): void {
    const greeting = this.#greetings.get(peer);
    if (greeting === undefined) return;
    greeting.isUnsent = true;
    greeting.lostMs ??= this.#context.nowMs;
    greeting.why = reason;
  }

  /** Now one does, or its key is known now. */
  found(peer: string): void {
    const greeting = this.#greetings.get(peer);
    if (greeting !== undefined && greeting.lostMs !== undefined) this.#greet(greeting);
  }

  /** Somebody wants a session with us, and does not know our key. */
  sought({ from, neighbour, path }: Message): void {
    if (!this.intake.sought(neighbour)) return;
    const { keys, encryptionKeySignature } = this.#self;
    const body = [encodeOffer({ encryptionKey: keys.publicKey, encryptionKeySignature })];
    const via = path?.toReversed();
    this.#context.emit({ type: 'packet/send', to: from, kind: 'offer', body, attempt: 0, via, record: true });
  }

  /** Whom we have sought tells its key. Throws `SessionCodecError`. */
  offered({ from, neighbour, body, path }: Message): void {
    const greeting = this.#greetings.get(from);
    if (greeting === undefined || greeting.key !== undefined) return;
    if (!this.intake.answered(neighbour)) return;
    const { encryptionKey, encryptionKeySignature } = decodeOffer(body);
    if (!this.#self.isKeyOf(from, encryptionKey, encryptionKeySignature)) {
      this.forged += 1;
      return;
    }
    greeting.key = encryptionKey;
    greeting.via = path?.toReversed();
    greeting.lostMs = undefined;
    this.#greet(greeting);
  }

  /** Somebody wants a session. Throws `NoiseError` or `SessionCodecError` when it is no such message. */
  begun({ from, neighbour, body, path }: Message): void {
    const key = keyOf(from, body);
    const again = this.#answers.get(key);
    if (again !== undefined) {
      again.via = path?.toReversed();
      return this.#answer(from, again);
    }
    if (!this.intake.begun(neighbour)) return;
    const responder = new Responder(this.#handshake(from, this.#self.id));
    const { payload, remote } = responder.read(body);
    const { name, session: theirId, encryptionKeySignature, sequence } = decodeGreeting(payload);
    if (!this.intake.read(neighbour)) return;
    if (!this.#self.isKeyOf(from, remote, encryptionKeySignature)) {
      this.forged += 1;
      return;
    }
    const last = this.#sequences.get(from) ?? -1;
    const isRepeated = sequence <= last;
    if (isRepeated) this.repeated += 1;
    else this.#remember(from, sequence);
    const refusal = isRepeated ? REPEATED : this.#owner.refusal(from, neighbour);
    const id = this.#makeId();
    const greeting = {
      name: this.#self.name,
      session: id,
      encryptionKeySignature: none,
      // It may be the other end that has lost count, with its clock: then it goes on from here.
      sequence: isRepeated ? last : 0,
      refusal,
    };
    const { message, keys } = responder.write(encodeGreeting(greeting));
    const answer = { message, via: path?.toReversed() };
    this.#answer(from, answer);
    this.#answers.set(key, answer);
    if (refusal !== undefined) {
      this.#refused.add(key, this.#context.nowMs + GREETING_MS);
      return;
    }
    this.#answered.set(id, key);
    this.#owner.established(endsOf(id, from, neighbour, name, theirId, false), keys, undefined);
  }

  /** Whom we asked for a session says yes or no. Throws as `begun` does. */
  answered({ from, neighbour, body, path }: Message): void {
    const greeting = this.#greetings.get(from);
    if (greeting?.initiator === undefined) {
      this.repeated += 1;
      return;
    }
    if (!this.intake.answered(neighbour)) return;
    const { payload, keys } = greeting.initiator.read(body);
    const { name, session: theirId, sequence, refusal } = decodeGreeting(payload);
    greeting.via = path?.toReversed();
    if (refusal !== undefined && sequence > 0 && greeting.beginAgain(sequence + 1))
      return this.#greet(greeting);
    this.#greetings.delete(from);
    const { id, link } = greeting;
    if (refusal !== undefined)
      this.#owner.failed(link, refusal.code, `${from} refused this node: ${refusal.reason}`);
    else this.#owner.established(endsOf(id, from, neighbour, name, theirId, true), keys, greeting);
  }

  /** Our last message to the other end of a session that it began, as long as it may not have it. */
  answerOf(session: number): Pick<Answer, 'via'> | undefined {
    const key = this.#answered.get(session);
    return key === undefined ? undefined : this.#answers.get(key);
  }

  /** The other end has that message, or there is no session any more. Returns whether that is news. */
  settled(session: number): boolean {
    const key = this.#answered.get(session);
    if (key === undefined) return false;
    this.#answers.delete(key);
    return this.#answered.delete(session);
  }

  tick(): void {
    this.#deadlines.expire(this.#context.nowMs, (greeting) => this.#tickOne(greeting));
    this.#refused.expire(this.#context.nowMs, (key) => this.#answers.delete(key));
  }

  snapshot(): unknown {
    return {
      greetings: [...this.#greetings.values()].map(({ peer, id, attempt }) => [peer, id, attempt]),
      answered: [...this.#answered.keys()],
      forged: this.forged,
      repeated: this.repeated,
    };
  }

  #tickOne(greeting: Greeting): void {
    if (this.#greetings.get(greeting.peer) !== greeting) return;
    const { nowMs } = this.#context;
    const { peer, link, why, lostMs, startedMs } = greeting;
    const isLost = lostMs !== undefined && nowMs - lostMs >= NO_WAY_MS;
    if (isLost || nowMs - startedMs >= GREETING_MS) {
      this.#greetings.delete(peer);
      const late = `no answer from ${peer} over others within ${GREETING_MS} ms`;
      return this.#owner.failed(link, 'unreachable', (isLost ? why : undefined) ?? late);
    }
    if (greeting.dueMs <= nowMs) this.#greet(greeting);
    this.#deadlines.add(greeting, greeting.dueMs);
  }

  #greet(greeting: Greeting): void {
    const { nowMs } = this.#context;
    const { peer } = greeting;
    if (!greeting.isUnsent && greeting.message !== undefined) greeting.lostMs = undefined;
    greeting.isUnsent = false;
    greeting.pause(nowMs);
    const key = this.#ways.advertOf(peer)?.encryptionKey ?? greeting.key;
    if (key === undefined) {
      greeting.lostMs ??= nowMs;
      greeting.why = `nobody leads to ${peer}, and it was not found at random`;
      return this.#ask(greeting, 'seek', [none]);
    }
    if (greeting.message === undefined && !this.#begin(greeting, key)) {
      this.#greetings.delete(peer);
      const message = `the encryption key that ${peer} tells is none`;
      return this.#owner.failed(greeting.link, 'incompatible', message);
    }
    this.#ask(greeting, 'init', [greeting.message ?? none]);
  }

  /** False: nobody can agree with that key, which is its owner's word. */
  #begin(greeting: Greeting, key: Uint8Array): boolean {
    this.#lastSequence += 1;
    const { id: session, peer } = greeting;
    const { id, name, encryptionKeySignature } = this.#self;
    const sequence = greeting.sequence ?? this.#lastSequence;
    const payload = { name, session, encryptionKeySignature, sequence, refusal: undefined };
    try {
      greeting.begin(this.#handshake(id, peer), key, encodeGreeting(payload));
    } catch (error) {
      if (error instanceof NoiseError) return false;
      throw error;
    }
    return true;
  }

  /** By the best way; and when that has failed by several others at a time, which are recorded for the way back. */
  #ask(greeting: Greeting, kind: 'init' | 'seek', body: readonly Uint8Array[]): void {
    const { peer: to, via } = greeting;
    const copies = greeting.attempt === 0 || via !== undefined ? 1 : COPIES;
    const record = greeting.attempt > 0 || via !== undefined || kind === 'seek';
    for (let copy = 0; copy < copies; copy += 1) {
      const { attempt } = greeting;
      greeting.attempt += 1;
      this.#context.emit({ type: 'packet/send', to, kind, body, attempt, via, record });
    }
    greeting.via = undefined;
  }

  #answer(to: string, { message, via }: Answer): void {
    const record = via !== undefined;
    this.#context.emit({
      type: 'packet/send',
      to,
      kind: 'response',
      body: [message],
      attempt: 0,
      via,
      record,
    });
  }

  #handshake(initiator: string, responder: string) {
    const { keys, psk } = this.#self;
    const prologue = this.#self.prologue(initiator, responder);
    return { prologue, psk, local: keys, ephemeral: this.#entropy.bytes(32) };
  }

  #makeId(): number {
    return decodeNumber(this.#entropy.bytes(6));
  }

  #remember(peer: string, sequence: number): void {
    this.#sequences.delete(peer);
    this.#sequences.set(peer, sequence);
    for (const oldest of this.#sequences.keys()) {
      if (this.#sequences.size <= MAX_SEQUENCES) break;
      this.#sequences.delete(oldest);
    }
  }
}

/** What is said to a handshake that is not newer than the last: it was played again, or its end has lost count. */
const REPEATED: Denial = { code: 'refused', reason: 'its sequence is not above that of its last handshake' };

/** Ways that a message is sent at a time once the best has failed: it is small, and one of them may do. */
const COPIES = 6;

const none = new Uint8Array(0);

function endsOf(
  id: number,
  peer: string,
  neighbour: string,
  name: string,
  theirId: number,
  isInitiator: boolean,
): Ends {
  return { id, peer, neighbour, name: name === '' ? undefined : name, theirId, isInitiator };
}

/** Of a first message: its ephemeral key is nobody else's. */
function keyOf(peer: string, message: Uint8Array): string {
  return `${peer} ${Buffer.from(message.subarray(0, 32)).toString('latin1')}`;
}
