import { type CounterInfo, PeerdError } from '@peerd/protocol';
import { Budget } from '../channel/budget.ts';
import { Budgets } from '../channel/budgets.ts';
import { Quota } from '../channel/quota.ts';
import type { Entropy } from '../entropy.ts';
import type { PacketReceived } from '../forwarding/messages.ts';
import { KEY_BYTES, type KeyPair, NoiseError } from '../noise.ts';
import type { Ways } from '../routing/messages.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import type { Reconfigure } from '../server/inputs.ts';
import {
  decodeLetter,
  encodeLetter,
  ID_BYTES,
  type Letter,
  letterStatement,
  SealingCodecError,
} from './codec.ts';
import {
  MAX_LIFETIME_MS,
  type Purpose,
  type SealingInput,
  type SealingOutput,
  type SealSend,
} from './messages.ts';
import { type Agreed, open, seal } from './noise.ts';
import { type Reason, Refusals } from './refusals.ts';
import { defaultTakenLimits, Taken, type TakenLimits } from './taken.ts';

/** Longest payload: with all that is around it, it fits into a packet. */
const MAX_SEALED_BYTES: number = 32 * 1024;

/**
 * How far ahead of our clock a message may expire, in ms: it may live as long as messages do, and the sender's clock may
 * be as much ahead of ours: twice `MAX_LIFETIME_MS`. Ids are remembered as long.
 */
const MAX_AHEAD_MS = 600_000;

/**
 * Messages of one neighbour that are opened in a second, and at once. One costs 0.3 ms (X25519, Ed25519): a neighbour that
 * sends rubbish takes at most 3 % of a processor.
 */
const MAX_OPENED_PER_SECOND = 100;
const MAX_OPENED_AT_ONCE = 200;

/**
 * Messages to one peer that are sealed in a second, and at once. What makes us send one may be a packet that says that it is
 * from somebody else, who is not to be flooded by us.
 */
const MAX_SEALED_PER_SECOND = 5;
const MAX_SEALED_AT_ONCE = 10;

/** And to all peers together, in a second and at once: each costs 0.3 ms. */
const MAX_ALL_SEALED = 200;

/** Neighbours, and peers that are sent to, that this is known of. */
const MAX_COUNTED_PEERS = 4_096;

const purposes: ReadonlySet<string> = new Set<Purpose>(['session-unknown']);

/** How this node seals and opens messages. */
export interface SealingSelf {
  readonly id: string;
  readonly network: string;
  /** The network's key, zeros without one. */
  readonly psk: Uint8Array;
  readonly keys: KeyPair;
  /** Of our first advert in this run: messages for an earlier run are no longer taken. */
  readonly firstSequence: number;
  sign(statement: Uint8Array): Uint8Array;
  isSigned(peer: string, statement: Uint8Array, signature: Uint8Array): boolean;
  /** Who may be here, until others are told. */
  readonly lists: Lists;
  /** What the lists say against a peer. */
  denial(peer: string, lists: Lists): object | undefined;
}

/** By peer id; nobody allowed: everybody who is not denied. */
type Lists = Pick<Reconfigure, 'allow' | 'deny'>;

/** Messages of one way between peers that need not be connected: nobody else can read, make or repeat them. */
export class SealingState implements Feature<SealingInput> {
  readonly handlers: Handlers<SealingInput>;
  readonly quotas: readonly Quota[];
  readonly #context: Context<SealingOutput>;
  readonly #self: SealingSelf;
  readonly #ways: Pick<Ways, 'advertOf'>;
  readonly #entropy: Entropy;
  readonly #taken: Taken;
  readonly #opened = new Budgets(MAX_OPENED_AT_ONCE, MAX_OPENED_PER_SECOND, MAX_COUNTED_PEERS);
  readonly #sealed = new Budgets(MAX_SEALED_AT_ONCE, MAX_SEALED_PER_SECOND, MAX_COUNTED_PEERS);
  readonly #sealedInAll: Budget;
  readonly #refused = new Refusals();
  readonly #rememberedQuota: Quota;
  readonly #openedQuota: Quota;
  readonly #sealedQuota: Quota;
  readonly #allSealedQuota: Quota;
  /** What is added to the loop's time to get ms since 1970; `undefined`: nobody has said yet. */
  #dateOffsetMs: number | undefined;
  #lists: Lists;

  constructor(
    context: Context<SealingOutput>,
    self: SealingSelf,
    ways: Pick<Ways, 'advertOf'>,
    entropy: Entropy,
    limits: TakenLimits = defaultTakenLimits,
  ) {
    this.#context = context;
    this.#self = self;
    this.#lists = self.lists;
    this.#ways = ways;
    this.#entropy = entropy;
    this.#taken = new Taken(limits);
    this.#rememberedQuota = new Quota(
      'sealed messages remembered',
      'items',
      () => limits.maxTaken,
      () => this.#taken.size,
    );
    this.#openedQuota = new Quota(
      'sealed messages opened for the busiest neighbour',
      'items',
      () => MAX_OPENED_AT_ONCE,
      () => Math.ceil(this.#opened.mostSpentAt(context.nowMs)),
    );
    this.#sealedQuota = new Quota(
      'messages sealed for the busiest peer',
      'items',
      () => MAX_SEALED_AT_ONCE,
      () => Math.ceil(this.#sealed.mostSpentAt(context.nowMs)),
    );
    this.#allSealedQuota = new Quota(
      'messages sealed for all peers',
      'items',
      () => MAX_ALL_SEALED,
      () => Math.ceil(this.#sealedInAll.spentAt(context.nowMs)),
    );
    this.#sealedInAll = new Budget(MAX_ALL_SEALED, MAX_ALL_SEALED, context.nowMs);
    this.quotas = [this.#rememberedQuota, this.#openedQuota, this.#sealedQuota, this.#allSealedQuota];
    this.handlers = {
      'seal/send': (message) => {
        const error = this.#send(message);
        const { to, purpose } = message;
        if (error !== undefined) context.emit({ type: 'seal/unsent', to, purpose, error });
      },
      'packet/received': (packet) => {
        if (packet.kind === 'sealed') this.#receive(packet);
      },
      'loop/date': ({ offsetMs }) => {
        this.#dateOffsetMs = offsetMs;
      },
      reconfigure: ({ allow, deny }) => {
        this.#lists = { allow, deny };
      },
      tick: () => {
        if (this.#dateOffsetMs !== undefined) this.#taken.expire(context.nowMs + this.#dateOffsetMs);
      },
    };
  }

  get nextTickMs(): number {
    return this.#taken.nextExpiryMs - (this.#dateOffsetMs ?? 0);
  }

  get counters(): readonly CounterInfo[] {
    return this.#refused.counters;
  }

  snapshot(): unknown {
    return {
      taken: this.#taken.size,
      refused: this.#refused.snapshot(),
      opened: this.#opened.snapshot(this.#context.nowMs),
    };
  }

  #send({ to, purpose, payload, lifetimeMs }: SealSend): PeerdError | undefined {
    if (payload.length > MAX_SEALED_BYTES)
      return new PeerdError(
        'too-large',
        `a sealed message of ${payload.length} bytes: at most ${MAX_SEALED_BYTES}`,
      );
    const advert = this.#ways.advertOf(to);
    if (advert === undefined)
      return new PeerdError('unreachable', `nothing can be sealed for ${to}: its key is not known here`);
    if (this.#dateOffsetMs === undefined)
      return new PeerdError('internal', 'nothing can be sealed: the time is not known yet');
    const { nowMs } = this.#context;
    if (!this.#sealedInAll.spend(1, nowMs)) {
      this.#allSealedQuota.refuse(this.#context);
      return new PeerdError('busy', `no more than ${MAX_ALL_SEALED} messages are sealed in a second`);
    }
    // Nobody answers: one that follows another soon is sent because that may have been lost on its way.
    const attempt = Math.round(this.#sealed.spentBy(to, nowMs));
    if (!this.#sealed.spend(to, nowMs)) {
      this.#sealedQuota.refuse(this.#context);
      return new PeerdError(
        'busy',
        `no more than ${MAX_SEALED_PER_SECOND} messages a second are sealed for ${to}`,
      );
    }
    const { id: sender, network, psk } = this.#self;
    const unsigned = {
      sender,
      recipient: to,
      recipientSequence: advert.sequence,
      id: this.#entropy.bytes(ID_BYTES),
      expiresMs: Math.round(this.#context.nowMs + this.#dateOffsetMs + Math.min(lifetimeMs, MAX_LIFETIME_MS)),
      purpose,
      payload,
    };
    const signature = this.#self.sign(letterStatement(network, unsigned));
    const agreed = { prologue: prologueOf(network, sender, to), psk };
    try {
      const letter = encodeLetter({ ...unsigned, signature });
      const body = seal(agreed, advert.encryptionKey, this.#entropy.bytes(KEY_BYTES), letter);
      this.#context.emit({
        type: 'packet/send',
        to,
        kind: 'sealed',
        body: [body],
        attempt,
        record: false,
      });
      return undefined;
    } catch (error) {
      if (error instanceof NoiseError)
        return new PeerdError('unreachable', `nothing can be sealed for ${to}: ${error.message}`);
      throw error;
    }
  }

  #receive({ from, neighbour, body }: PacketReceived): void {
    if (from === this.#self.id) return this.#refused.add('reflected');
    if (this.#self.denial(from, this.#lists) !== undefined) return this.#refused.add('denied');
    if (!this.#opened.spend(neighbour, this.#context.nowMs)) return this.#openedQuota.refuse(this.#context);
    const { network, psk, id } = this.#self;
    const letter = this.#read({ prologue: prologueOf(network, from, id), psk }, body);
    if (typeof letter === 'string') return this.#refused.add(letter);
    const refusal = this.#judge(from, letter);
    if (refusal !== undefined) return this.#refused.add(refusal);
    const { expiresMs, purpose, payload } = letter;
    if (!this.#taken.hasRoom(from)) return this.#rememberedQuota.refuse(this.#context);
    this.#taken.add(from, letter.id, expiresMs);
    if (!purposes.has(purpose)) return this.#refused.add('unknown');
    this.#context.emit({ type: 'seal/received', from, purpose: purpose as Purpose, payload });
  }

  #read(agreed: Agreed, body: Uint8Array): Letter | Reason {
    try {
      return decodeLetter(open(agreed, this.#self.keys, body));
    } catch (error) {
      if (error instanceof NoiseError) return 'unreadable';
      if (error instanceof SealingCodecError) return 'malformed';
      throw error;
    }
  }

  /** What is cheap to find out comes first. */
  #judge(from: string, letter: Letter): Reason | undefined {
    const { id, network, firstSequence } = this.#self;
    if (letter.recipient !== id) return 'misdirected';
    if (letter.sender !== from) return 'forged';
    if (letter.recipientSequence < firstSequence) return 'outlived';
    const dateMs = this.#context.nowMs + (this.#dateOffsetMs ?? Number.NaN);
    // Without a date nothing is in time.
    if (!(letter.expiresMs > dateMs) || letter.expiresMs < this.#taken.forgottenMs) return 'expired';
    if (letter.expiresMs > dateMs + MAX_AHEAD_MS) return 'early';
    if (this.#taken.has(from, letter.id, letter.expiresMs)) return 'replayed';
    if (!this.#self.isSigned(from, letterStatement(network, letter), letter.signature)) return 'forged';
    return undefined;
  }
}

/** Both ends and the network: in a packet whose header says another source or destination it can't be opened. */
function prologueOf(network: string, sender: string, recipient: string): Uint8Array {
  return Buffer.from(`peerd sealed message 1\n${JSON.stringify(network)}\n${sender}\n${recipient}\n`);
}
