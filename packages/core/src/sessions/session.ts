import type { PeerRef } from '@peerd/protocol';
import type { PacketCipher } from './cipher.ts';
import {
  CONTENT_HEAD_BYTES,
  Content,
  contentHead,
  decodeContent,
  decodeControl,
  decodePath,
  encodeAcknowledgement,
  encodeHeader,
  encodePath,
  HEADER_BYTES,
  type Header,
  writeAcknowledged,
} from './codec.ts';
import type { Ends } from './handshakes.ts';
import { type Held, Outbox, type Sent } from './outbox.ts';
import { Reordering } from './reordering.ts';

/** Bytes of calls in one packet: a chunk of a call and its head fit, and the body stays under the longest. */
const MAX_DATA_BYTES = 32 * 1024 + 512;

/** An acknowledgement waits so long for a packet that it can go with, in ms. */
const ACK_DELAY_MS = 20;

/** Packets, and bytes, that are acknowledged without waiting. */
const ACK_PACKETS = 16;
const ACK_BYTES = 64 * 1024;

/** Another way than the best is kept for so long, in ms, after the best has failed: then that is tried again. */
const DETOUR_MS = 60_000;

/** Ways that the oldest packet is sent at a time when nothing was acknowledged in time. */
const COPIES = 3;

/** What is not acknowledged fills up to here; then what wants to be sent has to wait. One call's window fits. */
export const MAX_HELD_BYTES: number = 2 * 1024 * 1024;

/** What a session is given, and tells. */
export interface SessionWorld {
  readonly nowMs: number;
  /** What all sessions have sent and keep, and what of what they were sent waits for more. */
  readonly held: Held;
  readonly waiting: Held;
  /** `back`: the peers to pass, instead of the way that the session takes. */
  send(
    session: Session,
    kind: 'data' | 'control',
    body: readonly Uint8Array[],
    record: boolean,
    back?: readonly string[],
  ): void;
  received(session: Session, isOurs: boolean, bytes: Uint8Array): void;
  path(session: Session, path: readonly PeerRef[]): void;
  nameOf(peer: string): string | undefined;
}

/** What arrived came from the other end, and can't be. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
}

interface Arrived {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Two ends that have shaken hands: all that one says reaches the other, in order, once, and nobody else can read it. */
export class Session {
  /** Of this session, in what comes to us. */
  readonly id: number;
  readonly peer: string;
  readonly name: string | undefined;
  /** Who handed over the last message of its handshake. */
  readonly neighbour: string;
  /** Of this session, in what goes to the other end. */
  readonly theirId: number;
  /** Who began it. */
  readonly isInitiator: boolean;
  readonly startedMs: number;
  /** For our calls, and for theirs. */
  ourLink: number | undefined;
  theirLink: number | undefined;
  isBlocked = false;
  /** The way that is taken: how many others have failed before. */
  attempt = 0;
  attemptMs: number;
  /** Where the best way has failed: peers to pass on one that has worked. */
  via: readonly string[] | undefined;
  /** When anything was last sent or taken in, but for acknowledgements. */
  usedMs: number;
  /** Since when what was sent has not been acknowledged; `undefined`: nothing is. */
  unheardMs: number | undefined;
  /** No way leads to the other end, since then. */
  lostMs: number | undefined;
  /** When it is looked at next: armed by its owner. */
  dueMs: number = Number.POSITIVE_INFINITY;
  readonly outbox: Outbox;
  readonly #world: SessionWorld;
  readonly #sends: PacketCipher;
  readonly #receives: PacketCipher;
  readonly #reordering: Reordering<Arrived>;
  #nextControl = 0;
  #lastControl = -1;
  #unackedPackets = 0;
  #unackedBytes = 0;
  #ackMs = Number.POSITIVE_INFINITY;

  constructor(world: SessionWorld, ends: Ends, sends: PacketCipher, receives: PacketCipher) {
    this.#world = world;
    this.id = ends.id;
    this.peer = ends.peer;
    this.name = ends.name;
    this.neighbour = ends.neighbour;
    this.theirId = ends.theirId;
    this.isInitiator = ends.isInitiator;
    this.startedMs = world.nowMs;
    this.attemptMs = world.nowMs;
    this.usedMs = world.nowMs;
    this.#sends = sends;
    this.#receives = receives;
    this.outbox = new Outbox((counter, parts) => {
      // What has come until it goes, not until it was put here.
      writeAcknowledged(parts[0] as Uint8Array, this.#reordering.next);
      return this.#seal(counter * 2, parts);
    }, world.held);
    this.#reordering = new Reordering(world.waiting);
  }

  get links(): number[] {
    return [this.ourLink, this.theirLink].filter((link) => link !== undefined);
  }

  /** Whether something has come that only the other end can have sent. */
  get isHeardOf(): boolean {
    return this.isInitiator || this.#reordering.next > 0;
  }

  /** When it wants to be ticked for what it has sent and received. */
  get timeoutAtMs(): number {
    return Math.min(this.#ackMs, this.outbox.timeoutAtMs);
  }

  /** Sends bytes of our calls, or of answers to theirs. */
  write(isOurs: boolean, parts: readonly Uint8Array[], record: boolean): void {
    const type = isOurs === this.isInitiator ? Content.initiatorsCalls : Content.respondersCalls;
    let packet: Uint8Array[] = [];
    let bytes = 0;
    const queue = (isLast: boolean) => {
      this.#queue(type, packet, bytes, record && isLast);
      packet = [];
      bytes = 0;
    };
    for (const part of parts)
      for (let at = 0; at < part.length; ) {
        if (bytes === MAX_DATA_BYTES) queue(false);
        const taken = Math.min(part.length - at, MAX_DATA_BYTES - bytes);
        packet.push(taken === part.length ? part : part.subarray(at, at + taken));
        at += taken;
        bytes += taken;
      }
    if (bytes > 0) queue(true);
    this.#collect();
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.#queue(Content.nothing, [], 0, false);
    this.#collect();
  }

  /** For the last time: what is said here is not repeated. */
  sayControl(content: Uint8Array, back?: readonly string[]): void {
    const counter = this.#nextControl;
    this.#nextControl += 1;
    const body = this.#seal(counter * 2 + 1, [content]);
    this.#world.send(this, 'control', body, back !== undefined, back);
  }

  /**
   * Takes a packet that is for this session: `undefined`, not genuine; `repeated`: it came before; `closed`: the other end
   * has closed. Throws `SessionError`, or a codec's error, at what the other end can't mean.
   */
  take(
    kind: 'data' | 'control',
    header: Header,
    body: Uint8Array,
    path: readonly string[] | undefined,
  ): 'taken' | 'repeated' | 'closed' | undefined {
    const counter = header.counter * 2 + (kind === 'data' ? 0 : 1);
    const [head, sealed] = [body.subarray(0, HEADER_BYTES), body.subarray(HEADER_BYTES)];
    const opened = this.#receives.open(counter, head, sealed);
    if (opened === undefined) return undefined;
    if (kind === 'control') {
      // Of what is told again and again only the newest counts.
      if (header.counter <= this.#lastControl) return 'repeated';
      this.#lastControl = header.counter;
      const control = decodeControl(opened);
      if (control === undefined) return 'closed';
      // It has come back the way that something was sent again: that one works.
      if (path !== undefined && this.attempt > 0) this.#go(this.attempt, path.toReversed());
      this.#acked(control.upTo, control.ranges);
      return 'taken';
    }
    const { type, acknowledged, data } = decodeContent(opened);
    this.#acked(acknowledged, []);
    const isNew = this.#reordering.take(header.counter, { type, data }, (arrived) => this.#arrived(arrived));
    // What is sent again says how it came: what acknowledges it goes back that way, and nothing else does. Whoever plays an
    // old packet again can say anything of its way.
    if (path !== undefined) this.#acknowledge(path.toReversed());
    // Also of what came before: then the other end does not know.
    else this.#owe(isNew ? opened.length : ACK_BYTES);
    if (!isNew) return 'repeated';
    this.usedMs = this.#world.nowMs;
    if (path !== undefined) {
      this.#tellPath(path);
      this.#collect();
    }
    return 'taken';
  }

  /** It is over: nothing is kept of it. */
  letGo(): void {
    this.outbox.letGo();
    this.#reordering.letGo();
  }

  /** What was to be done by now. */
  tick(): void {
    const { nowMs } = this.#world;
    if (this.outbox.timeoutAtMs <= nowMs) {
      this.outbox.timedOut(nowMs);
      // By the way that has worked, should that be a single loss, and by several others at once: the other end tells which
      // of them has led to it.
      const { oldest } = this.outbox;
      for (let copy = 1; copy < COPIES && oldest !== undefined; copy += 1) {
        this.#world.send(this, 'data', oldest, true);
        this.#go(this.attempt + 1, undefined);
      }
      this.#collect();
    }
    if (this.#ackMs <= nowMs) this.#acknowledge();
  }

  snapshot(): unknown {
    const { id, theirId, peer, isInitiator, ourLink, theirLink, attempt } = this;
    return { id, theirId, peer, isInitiator, ourLink, theirLink, attempt, outbox: this.outbox.snapshot() };
  }

  #seal(counter: number, parts: readonly Uint8Array[]): Uint8Array[] {
    const header = encodeHeader({ id: this.theirId, counter: Math.floor(counter / 2) });
    return [header, ...this.#sends.seal(counter, header, parts)];
  }

  #queue(type: number, parts: readonly Uint8Array[], bytes: number, record: boolean): void {
    this.outbox.push([contentHead(type), ...parts], CONTENT_HEAD_BYTES + bytes, record);
  }

  #collect(): void {
    const { nowMs } = this.#world;
    this.outbox.collect(nowMs, ({ body, record, isResent }: Sent) => {
      this.unheardMs ??= nowMs;
      if (!isResent) this.#hasAcknowledged();
      this.usedMs = nowMs;
      // What is sent again says how it came, so that its acknowledgement can go that way back.
      this.#world.send(this, 'data', body, record || isResent);
    });
  }

  #go(attempt: number, via: readonly string[] | undefined): void {
    this.attempt = attempt;
    this.via = via;
    this.attemptMs = this.#world.nowMs;
  }

  #acked(upTo: number, ranges: Parameters<Outbox['acked']>[1]): void {
    const { nowMs } = this.#world;
    if (this.outbox.acked(upTo, ranges, nowMs)) {
      this.unheardMs = this.outbox.isEmpty ? undefined : nowMs;
      // It may have been the other end that was slow, or the routes that changed.
      if (nowMs - this.attemptMs >= DETOUR_MS) this.#go(0, undefined);
    }
    this.#collect();
  }

  #arrived({ type, data }: Arrived): void {
    switch (type) {
      case Content.initiatorsCalls:
      case Content.respondersCalls:
        this.#world.received(this, (type === Content.initiatorsCalls) === this.isInitiator, data);
        return;
      case Content.path: {
        const passed = decodePath(data).map((peer) => this.#ref(peer));
        if (this.attempt > 0) this.via = passed.map(({ peer }) => peer);
        this.#world.path(this, [...passed, this.#ref(this.peer)]);
        return;
      }
      case Content.nothing:
        return;
      default:
        throw new SessionError(`content of the unknown type ${type}`);
    }
  }

  /** Unless it has been told so much that it does not even acknowledge. */
  #tellPath(path: readonly string[]): void {
    if (this.outbox.bytes > MAX_HELD_BYTES / 2) return;
    const encoded = encodePath(path);
    this.#queue(Content.path, [encoded], encoded.length, false);
  }

  #ref(peer: string): PeerRef {
    const name = this.#world.nameOf(peer);
    return name === undefined ? { peer } : { peer, name };
  }

  #owe(bytes: number): void {
    this.#unackedPackets += 1;
    this.#unackedBytes += bytes;
    const isMuch = this.#unackedPackets >= ACK_PACKETS || this.#unackedBytes >= ACK_BYTES;
    if (isMuch || this.#reordering.hasGaps) this.#acknowledge();
    else if (this.#ackMs === Number.POSITIVE_INFINITY) this.#ackMs = this.#world.nowMs + ACK_DELAY_MS;
  }

  #acknowledge(back?: readonly string[]): void {
    this.#hasAcknowledged();
    this.sayControl(encodeAcknowledgement(this.#reordering.next, this.#reordering.ranges), back);
  }

  #hasAcknowledged(): void {
    this.#ackMs = Number.POSITIVE_INFINITY;
    this.#unackedPackets = 0;
    this.#unackedBytes = 0;
  }
}
