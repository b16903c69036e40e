import { Initiator, type KeyPair } from './noise.ts';

/** The first message is sent again after so long, in ms, doubling up to the second; each time by another way. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 1_000;

/** A peer that has not answered by then, in ms, can't be reached. */
export const GREETING_MS = 15_000;

/** A peer that no way leads to, or whose key nobody tells, is given so long, in ms: routes change. */
export const NO_WAY_MS = 3_000;

/** A session that we have asked for, and that is not there yet. */
export class Greeting {
  readonly id: number;
  readonly peer: string;
  readonly link: number;
  readonly startedMs: number;
  attempt = 0;
  /** Where the best way has failed: peers to pass on the one that an answer has come by. */
  via: readonly string[] | undefined;
  dueMs: number;
  /** No way leads there, or its key is not known: since then. */
  lostMs: number | undefined;
  /** The last message did not go out, and why. */
  isUnsent = false;
  why: string | undefined;
  /** The other end's own word for its key, where no advert has told it. */
  key: Uint8Array | undefined;
  /** What the other end wants to hear, where it remembers a higher one than ours: our clock may have gone back. */
  sequence: number | undefined;
  initiator: Initiator | undefined;
  message: Uint8Array | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(id: number, peer: string, link: number, nowMs: number) {
    this.id = id;
    this.peer = peer;
    this.link = link;
    this.startedMs = nowMs;
    this.dueMs = nowMs;
  }

  begin(
    handshake: { prologue: Uint8Array; psk: Uint8Array; local: KeyPair; ephemeral: Uint8Array },
    remote: Uint8Array,
    payload: Uint8Array,
  ): void {
    this.initiator = new Initiator(handshake, remote);
    this.message = this.initiator.write(payload);
  }

  /** With another first message. Once: false the second time. */
  beginAgain(sequence: number): boolean {
    if (this.sequence !== undefined || !Number.isSafeInteger(sequence)) return false;
    this.sequence = sequence;
    this.initiator = undefined;
    this.message = undefined;
    return true;
  }

  /** One more message is going out. */
  pause(nowMs: number): void {
    const isLost = this.lostMs !== undefined;
    this.dueMs = nowMs + (isLost ? FIRST_PAUSE_MS : this.#pauseMs);
    if (!isLost) this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
  }
}
