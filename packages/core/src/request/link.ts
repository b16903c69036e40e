import type { PeerRef } from '@peerd/protocol';
import { Ring, ShortestFirst } from '@peerd/protocol/queues';
import { Table } from '../channel/table.ts';
import type { Call, Outgoing } from './call.ts';
import { FrameError } from './decoder.ts';
import {
  CALL_WINDOW_BYTES,
  CHUNK_BYTES,
  costOf,
  END_MESSAGE,
  END_STREAM,
  type Frame,
  FrameType,
  MAX_FRAME_BYTES,
  MESSAGE_COST_BYTES,
  type PacketFrame,
  type ResetCode,
  resetCodes,
  STREAM_GRANT_BYTES,
  STREAM_WINDOW_BYTES,
} from './frames.ts';
import { Pace } from './pace.ts';
import type { PacketQueue } from './packet-queue.ts';

/** Credit is granted again when this much has been taken: often enough that a window never runs dry. */
const CALL_GRANT_BYTES = CALL_WINDOW_BYTES / 4;

/**
 * Up to here a message, or the rest of one, goes before all that is longer; and so does the first chunk of every call, which
 * is no longer than this.
 */
const SMALL_BYTES = 16 * 1024;

/** What one flush may write to one link: the next turn goes on, and other links get theirs in between. */
const FLUSH_BYTES = 256 * 1024;

/** What one flush leaves to large messages, however many small ones there are. */
const LARGE_FLUSH_BYTES = FLUSH_BYTES / 4;

/** Calls that may be over and still stand among those that wait to send, however few others do. */
const SWEEP_CALLS = 1024;

/**
 * RESETs that an answering side may owe. Past it the stream's credit is withheld until they are written, so
 * that a peer which opens calls and reads nothing can't fill our memory.
 */
const MAX_OWED_RESETS = 1024;

interface Reset {
  readonly call: number;
  readonly code: ResetCode;
  readonly reason: string;
}

/** What the owner of a link learns while frames are collected. */
export interface Progress {
  /** A message of the call has been written whole. */
  sent(call: Call, message: Outgoing): void;
  /** The last frame of an answer has been written: the call is over. */
  finished(call: Call): void;
}

const none = new Uint8Array(0);

/**
 * The state of one stream of calls: the calls on it, both flow-control windows, and what is to be written
 * next. Pure: it decides what goes out when, a driver writes it.
 */
export class Link {
  readonly id: number;
  readonly peer: string;
  /** Who opened the stream calls on it; the other side answers. */
  readonly role: 'caller' | 'answerer';
  /** The peers that its calls pass, the one at its end last. */
  path: readonly PeerRef[];
  isOpen: boolean;
  /** False from when the stream says its buffer is full until it says that it has drained. */
  isWritable = true;
  readonly calls: Table<Call> = new Table();
  lastCall = 0;
  /** On a link of ours, once there was any. */
  packets: PacketQueue | undefined;
  /** Whether the next flush has to look at it. */
  isDirty = false;
  #sendWindow = STREAM_WINDOW_BYTES;
  #receiveWindow = STREAM_WINDOW_BYTES;
  readonly #resets = new Ring<Reset>();
  /** Calls with something to send: those whose message, or the rest of it, is small go first. */
  readonly #small = new Ring<Call>();
  readonly #large = new ShortestFirst<Call>();
  /** How many of these are over. */
  #over = 0;
  readonly #pace = new Pace();
  /** However many small messages are under way, a large one goes on by a chunk with each credit. */
  #owesLarge = true;
  /** The same for packets, when many wait. */
  #owesPacket = true;
  /** What packets have sent more than calls, as long as both wait: neither may starve the other. */
  #packetLeadBytes = 0;
  readonly #owing = new Ring<Call>();

  constructor(id: number, peer: string, role: 'caller' | 'answerer') {
    this.id = id;
    this.peer = peer;
    this.role = role;
    this.path = [{ peer }];
    this.isOpen = role === 'answerer';
  }

  /** Gives the call its id and queues its first message. */
  open(call: Call, first: Outgoing): void {
    this.lastCall += 1;
    call.id = this.lastCall;
    call.link = this;
    this.calls.set(call.id, call);
    this.send(call, first);
  }

  send(call: Call, message: Outgoing): void {
    call.outgoing.push(message);
    this.#queue(call);
  }

  /** Forgets the call and, if the other side has heard of it, tells it why. */
  reset(call: Call, code: ResetCode, reason: string): void {
    this.end(call);
    if (call.opened) this.refuse(call.id, code, reason);
  }

  /** Answers a call that was never taken in. */
  refuse(id: number, code: ResetCode, reason: string): void {
    this.#resets.push({ call: id, code, reason });
  }

  end(call: Call): void {
    call.isOver = true;
    if (!this.calls.delete(call.id) || !call.isReady) return;
    this.#over += 1;
    if (this.#over > SWEEP_CALLS && this.#over * 2 > this.#small.size + this.#large.size) this.#sweep();
  }

  /** While a stream takes nothing, calls go on to be made and given up. */
  #sweep(): void {
    const isOver = (call: Call) => {
      if (call.isOver) call.isReady = false;
      return call.isOver;
    };
    for (let left = this.#small.size; left > 0; left -= 1) {
      const call = this.#small.shift() as Call;
      if (!isOver(call)) this.#small.push(call);
    }
    this.#large.sweep(isOver);
    this.#over = 0;
  }

  /**
   * Lets the sender send again what was received: at most `bytes` of it as long as messages wait for their
   * reader, all of it once none does, or a message larger than the window would never be whole.
   */
  grant(call: Call, bytes: number): void {
    const granted = call.untakenMessages === 0 ? call.ungrantedBytes : Math.min(bytes, call.ungrantedBytes);
    call.ungrantedBytes -= granted;
    const owed = call.owedBytes;
    call.owedBytes += granted;
    if (owed < CALL_GRANT_BYTES && call.owedBytes >= CALL_GRANT_BYTES) this.#owing.push(call);
  }

  credit(call: number, bytes: number, nowMs: number): void {
    if (call === 0) {
      this.#sendWindow += bytes;
      this.#pace.taken(bytes, nowMs);
      this.#owesLarge = true;
      this.#owesPacket = true;
      return;
    }
    const granted = this.calls.get(call);
    if (granted === undefined) return;
    granted.sendWindow += bytes;
    this.#queue(granted);
  }

  /** Counts a frame against the windows. Throws `FrameError` when the other side ignored them. */
  count(frame: Frame): void {
    this.#receiveWindow -= costOf(frame);
    if (this.#receiveWindow < -MAX_FRAME_BYTES)
      throw new FrameError('more sent than the stream had credit for');
  }

  /**
   * What can be written now: resets, then credit, then packets and calls, half of it each when both wait; of calls those
   * chunks first whose message has the least left.
   */
  collect(progress: Progress, nowMs: number): Frame[] {
    const frames: Frame[] = [];
    for (
      let reset = this.#resets.peek();
      reset !== undefined && this.#sendWindow > 0;
      reset = this.#resets.peek()
    ) {
      this.#resets.shift();
      this.#add(frames, {
        type: FrameType.reset,
        call: reset.call,
        code: resetCodes[reset.code],
        reason: reset.reason,
      });
    }
    // After the resets: credit that they held back is granted as soon as they are written.
    this.#collectCredit(frames);
    let budget = FLUSH_BYTES;
    while (this.#sendWindow > 0 && budget > 0) {
      const maySendLarge = this.#maySendLarge;
      if (this.#maySendPacket && (this.#packetLeadBytes <= 0 || !(maySendLarge || this.#small.size > 0))) {
        budget -= this.#addPacket(frames, nowMs);
        continue;
      }
      const isSmall = this.#small.size > 0 && (budget > LARGE_FLUSH_BYTES || !maySendLarge);
      if (!isSmall && !maySendLarge) break;
      const call = (isSmall ? this.#small : this.#large).shift() as Call;
      const cost = this.#addChunk(frames, call, progress, isSmall);
      budget -= cost;
      this.#packetLeadBytes = this.#maySendPacket ? this.#packetLeadBytes - cost : 0;
      if (isSmall || cost === 0) continue;
      this.#owesLarge = false;
      this.#pace.mark(nowMs);
    }
    this.packets?.keep();
    if (this.#large.size === 0 && !this.#hasPackets) this.#pace.idle();
    return frames;
  }

  /** Whether another `collect` would find something. */
  get hasMore(): boolean {
    if (this.#maySendLarge || this.#maySendPacket) return true;
    return this.#sendWindow > 0 && (this.#small.size > 0 || this.#resets.size > 0);
  }

  get #maySendLarge(): boolean {
    return this.#large.size > 0 && this.#sendWindow > 0 && (this.#owesLarge || !this.#pace.isFull);
  }

  get #hasPackets(): boolean {
    return this.packets !== undefined && this.packets.size > 0;
  }

  /** A few are sent at once; many at the pace of large messages, so that what is small waits here, not on its way. */
  get #maySendPacket(): boolean {
    if (this.packets === undefined || this.packets.size === 0 || this.#sendWindow <= 0) return false;
    return this.packets.bytes <= SMALL_BYTES || this.#owesPacket || !this.#pace.isFull;
  }

  snapshot(): unknown {
    return {
      id: this.id,
      peer: this.peer,
      role: this.role,
      isOpen: this.isOpen,
      isWritable: this.isWritable,
      lastCall: this.lastCall,
      windows: [this.#sendWindow, this.#receiveWindow],
      queued: [this.#resets.size, this.#small.size, this.#large.size, this.#owing.size],
      packetBytes: this.packets?.bytes ?? 0,
      limitBytes: this.#pace.limitBytes,
      calls: this.calls.values().map((call) => ({
        id: call.id,
        opened: call.opened,
        outgoing: call.outgoing.size,
        sentBytes: call.sentBytes,
        windows: [call.sendWindow, call.receiveWindow, call.ungrantedBytes, call.owedBytes],
        chunkBytes: call.chunkBytes,
      })),
    };
  }

  /** `wasLarge`: it was taken from the large ones just now. */
  #queue(call: Call, wasLarge = false): void {
    if (call.isReady || !call.canSend) return;
    call.isReady = true;
    // The first chunk of all opens the call, and calls are opened in the order of their ids.
    const bytesLeft = (call.outgoing.peek()?.bytes?.length ?? 0) - call.sentBytes;
    if (!call.opened || bytesLeft <= SMALL_BYTES) this.#small.push(call);
    else if (wasLarge) this.#large.putBack(call, bytesLeft);
    else this.#large.push(call, bytesLeft);
  }

  /** Sends a chunk of a call that was waiting, and has it wait again if there is more. Returns what it cost. */
  #addChunk(frames: Frame[], call: Call, progress: Progress, wasSmall: boolean): number {
    call.isReady = false;
    if (call.isOver) this.#over -= 1;
    if (call.isOver || !call.canSend) return 0;
    const cost = this.#add(frames, this.#nextChunk(call, progress));
    this.#queue(call, !wasSmall);
    return cost;
  }

  #addPacket(frames: Frame[], nowMs: number): number {
    const cost = this.#add(frames, (this.packets as PacketQueue).shift() as PacketFrame);
    const callsWait = this.#small.size > 0 || this.#maySendLarge;
    this.#packetLeadBytes = callsWait ? this.#packetLeadBytes + cost : 0;
    if (this.#hasPackets) {
      this.#owesPacket = false;
      this.#pace.mark(nowMs);
    }
    return cost;
  }

  #collectCredit(frames: Frame[]): void {
    const owed = STREAM_WINDOW_BYTES - this.#receiveWindow;
    const mayGrant = this.role === 'caller' || this.#resets.size <= MAX_OWED_RESETS;
    if (owed >= STREAM_GRANT_BYTES && mayGrant) {
      this.#receiveWindow = STREAM_WINDOW_BYTES;
      frames.push({ type: FrameType.credit, call: 0, bytes: owed });
    }
    for (let call = this.#owing.shift(); call !== undefined; call = this.#owing.shift()) {
      if (call.isOver) continue;
      frames.push({ type: FrameType.credit, call: call.id, bytes: call.owedBytes });
      call.receiveWindow += call.owedBytes;
      call.owedBytes = 0;
    }
  }

  #nextChunk(call: Call, progress: Progress): Frame {
    const message = call.outgoing.peek() as Outgoing;
    const bytes = message.bytes ?? none;
    // The last message may have left the window a little below nothing: its end goes out all the same.
    const longest = call.opened ? CHUNK_BYTES : SMALL_BYTES;
    const taken = Math.min(bytes.length - call.sentBytes, longest, Math.max(0, call.sendWindow));
    const data = taken === bytes.length ? bytes : bytes.subarray(call.sentBytes, call.sentBytes + taken);
    call.sendWindow -= taken;
    call.sentBytes += taken;
    const isLast = call.sentBytes === bytes.length;
    let flags = 0;
    if (isLast) {
      if (message.bytes !== undefined) call.sendWindow -= MESSAGE_COST_BYTES;
      flags = (message.bytes === undefined ? 0 : END_MESSAGE) | (message.end ? END_STREAM : 0);
      call.outgoing.shift();
      call.sentBytes = 0;
      progress.sent(call, message);
      if (message.end && this.role === 'answerer') {
        this.end(call);
        progress.finished(call);
      }
    }
    if (call.opened) return { type: FrameType.data, call: call.id, flags, data };
    call.opened = true;
    return {
      type: FrameType.open,
      call: call.id,
      flags,
      // Whole ms on the wire: 0 would be for ever.
      timeoutMs: Math.min(Math.ceil(call.timeoutMs), Number.MAX_SAFE_INTEGER),
      totalBytes: bytes.length,
      service: call.service,
      data,
    };
  }

  #add(frames: Frame[], frame: Frame): number {
    frames.push(frame);
    const cost = costOf(frame);
    this.#sendWindow -= cost;
    this.#pace.sent(cost);
    return cost;
  }
}
