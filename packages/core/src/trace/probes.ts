import type { Entropy } from '../entropy.ts';
import type { PacketSend } from '../forwarding/messages.ts';
import type { Context } from '../server/feature.ts';
import { decodeReply, encodeProbe, NONCE_BYTES, replyStatement } from './codec.ts';

/** To check a signature takes some 100 us: no probe is worth more than a few forged replies. */
const MAX_FORGED_REPLIES = 3;

/** How this node signs, and checks what others have signed. */
export interface TraceSelf {
  readonly id: string;
  sign(statement: Uint8Array): Uint8Array;
  isSigned(peer: string, statement: Uint8Array, signature: Uint8Array): boolean;
}

/** Told who replied, proven by its signature, and how long after the probe went out. */
type Answered = (peer: string, rttMs: number) => void;

interface Probe {
  readonly to: string;
  readonly hops: number;
  readonly sentMs: number;
  readonly answered: Answered;
  forged: number;
}

/** Probes of this node that nobody has replied to yet. */
export class Probes {
  readonly #context: Context<PacketSend>;
  readonly #self: TraceSelf;
  readonly #entropy: Entropy;
  /** By their nonces as text. */
  readonly #probes = new Map<string, Probe>();
  /** Replies that are none, that who is named in them has not signed, and that no probe is known for. */
  malformed = 0;
  forged = 0;
  unawaited = 0;

  constructor(context: Context<PacketSend>, self: TraceSelf, entropy: Entropy) {
    this.#context = context;
    this.#self = self;
    this.#entropy = entropy;
  }

  get size(): number {
    return this.#probes.size;
  }

  /** `hops`: links that it may take. Those of an attempt after the first are answered the way that they come. Returns what `forget` takes. */
  send(to: string, hops: number, attempt: number, answered: Answered): string {
    const nonce = this.#entropy.bytes(NONCE_BYTES);
    const text = textOf(nonce);
    this.#probes.set(text, { to, hops, sentMs: this.#context.nowMs, answered, forged: 0 });
    const body = [encodeProbe({ nonce, hops })];
    const record = attempt > 0;
    this.#context.emit({ type: 'packet/send', to, kind: 'probe', body, attempt, record, hops });
    return text;
  }

  /** Nobody waits for its reply any more. */
  forget(nonce: string): void {
    this.#probes.delete(nonce);
  }

  replied(from: string, body: Uint8Array): void {
    const reply = decodeReply(body);
    if (reply === undefined) {
      this.malformed += 1;
      return;
    }
    const nonce = textOf(reply.nonce);
    const probe = this.#probes.get(nonce);
    if (probe === undefined) {
      this.unawaited += 1;
      return;
    }
    const { to: destination, hops, sentMs, answered } = probe;
    const statement = replyStatement(from, reply.nonce, { source: this.#self.id, destination, hops });
    if (!this.#self.isSigned(from, statement, reply.signature)) {
      this.forged += 1;
      probe.forged += 1;
      if (probe.forged === MAX_FORGED_REPLIES) this.#probes.delete(nonce);
      return;
    }
    this.#probes.delete(nonce);
    answered(from, this.#context.nowMs - sentMs);
  }
}

/** To look it up by. */
function textOf(nonce: Uint8Array): string {
  return Buffer.from(nonce.buffer, nonce.byteOffset, nonce.length).toString('latin1');
}
