import type { CounterInfo, ErrorCode } from '@peerd/protocol';
import { Quota } from '../channel/quota.ts';
import type { Limits } from '../config.ts';
import { isInternal } from '../internal-services.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import type { Call } from './call.ts';
import { FrameError } from './decoder.ts';
import { encodeFrames } from './encoder.ts';
import {
  type DataFrame,
  END_MESSAGE,
  END_STREAM,
  type Frame,
  FrameType,
  MESSAGE_COST_BYTES,
  type OpenFrame,
} from './frames.ts';
import { InboundCalls } from './inbound-calls.ts';
import { Link } from './link.ts';
import type { RequestInput, RequestOutput } from './messages.ts';
import { OutboundCalls } from './outbound-calls.ts';
import { Packets } from './packets.ts';
import { SessionLink } from './session-link.ts';

/**
 * Calls to peers and from them. Keeps one link (a long-lived stream) per peer and direction, and hands each
 * frame to the side it belongs to: `OutboundCalls` on links we opened, `InboundCalls` on the others.
 */
export class RequestState implements Feature<RequestInput> {
  readonly handlers: Handlers<RequestInput>;
  readonly quotas: readonly Quota[];
  readonly #context: Context<RequestOutput>;
  readonly #links = new Map<number, Link>();
  /** To be looked at in this turn's flush, and those that had more to send than the last one took. */
  readonly #dirty: Link[] = [];
  readonly #unfinished: Link[] = [];
  readonly #outbound: OutboundCalls;
  readonly #inbound: InboundCalls;
  readonly #packets: Packets;
  readonly #held = { bytes: 0 };

  constructor(context: Context<RequestOutput>, limits: Limits) {
    this.#context = context;
    const held = this.#held;
    const bytes = new Quota(
      'bytes in flight',
      'bytes',
      () => limits.maxBytesInFlight,
      () => held.bytes,
    );
    const shared = { context, limits, held, bytes, touch: (link: Link) => this.#touch(link) };
    const outbound = new OutboundCalls({ ...shared, links: this.#links });
    const inbound = new InboundCalls(shared);
    const packets = new Packets({ ...shared, links: this.#links }, (peer, connection, name) =>
      outbound.links.to(peer, connection, name),
    );
    this.#outbound = outbound;
    this.#inbound = inbound;
    this.#packets = packets;
    this.quotas = [outbound.quota, bytes, inbound.quota, inbound.share, ...packets.quotas];
    this.handlers = {
      ...outbound.handlers,
      ...inbound.handlers,
      ...packets.handlers,
      drain: () => inbound.close(),
      tick: () => {
        outbound.expire();
        inbound.expire();
      },
      'peer/admitted': (signal) => {
        const { peer, name } = signal;
        packets.handlers['peer/admitted'](signal);
        inbound.greeted(peer, name);
        outbound.links.forgetRoutes();
      },
      'peer/disconnected': ({ peer }) => {
        inbound.left(peer);
      },
      'peer/refused': () => {},
      'peer/dial-failed': () => {},
      'peer/names-changed': () => outbound.links.forgetRoutes(),
      'request/link-opened': ({ link }) => this.#opened(link),
      'request/link-failed': ({ link, code, message }) => this.#failed(link, code, message),
      'request/link-closed': ({ link }) => this.#ended(link),
      'request/link-broken': ({ link: id, reason }) => {
        const link = this.#links.get(id);
        if (link !== undefined) this.#break(link, reason);
      },
      'request/link-inbound': ({ link, peer }) => {
        this.#links.set(link, new Link(link, peer, 'answerer'));
      },
      'request/frames': ({ link: id, frames, pinnedBytes = 0 }) => {
        const link = this.#links.get(id);
        if (link !== undefined) this.#take(link, frames, pinnedBytes);
      },
      'request/blocked': ({ link }) => this.#blocked(link),
      'request/drained': ({ link }) => this.#drained(link),
      'session/opened': ({ link }) => this.#opened(link),
      'session/failed': ({ link, code, message }) => this.#failed(link, code, message),
      'session/closed': ({ link }) => this.#ended(link),
      'session/inbound': ({ link: id, peer, name }) => {
        const link = new SessionLink(id, peer, 'answerer');
        link.name = name;
        this.#links.set(id, link);
      },
      'session/bytes': ({ link: id, bytes }) => {
        const link = this.#links.get(id);
        if (!(link instanceof SessionLink)) return;
        const frames: Frame[] = [];
        try {
          link.decoder.push(bytes, frames);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
          return this.#break(link, error.message);
        }
        this.#take(link, frames, bytes.buffer.byteLength);
      },
      'session/path': ({ link: id, path }) => {
        const link = this.#links.get(id);
        if (link !== undefined) link.path = path;
      },
      'session/blocked': ({ link }) => this.#blocked(link),
      'session/drained': ({ link }) => this.#drained(link),
      'session/idle': ({ links }) => {
        const isUsed = links.some((link) => (this.#links.get(link)?.calls.size ?? 0) > 0);
        if (!isUsed)
          for (const link of links) context.emit({ type: 'session/close', link, reason: 'nobody uses it' });
      },
    };
  }

  get counters(): readonly CounterInfo[] {
    return this.#packets.counters;
  }

  get nextTickMs(): number {
    return Math.min(this.#outbound.nextTickMs, this.#inbound.nextTickMs);
  }

  get inFlight(): { outbound: number; inbound: number; bytesInFlight: number } {
    return {
      outbound: this.#outbound.size,
      inbound: this.#inbound.size,
      bytesInFlight: this.#held.bytes,
    };
  }

  /** No call is in flight, either way. */
  get isIdle(): boolean {
    return this.#outbound.size + this.#inbound.size === 0;
  }

  /** Writes to each link what its turn allows. True: there is more, for the next turn. */
  flush(): boolean {
    for (const link of this.#unfinished.splice(0)) this.#dirty.push(link);
    return this.flushTouched();
  }

  /** The same for those links that were touched since, and have had nothing in this turn. */
  flushTouched(): boolean {
    for (const link of this.#dirty.splice(0)) {
      this.#write(link);
      if (link.isOpen && link.isWritable && link.hasMore) this.#unfinished.push(link);
      else link.isDirty = false;
    }
    return this.#unfinished.length > 0;
  }

  get isTouched(): boolean {
    return this.#dirty.length > 0;
  }

  stop(): void {
    this.#outbound.stop();
    this.#inbound.stop();
  }

  snapshot(): unknown {
    return {
      heldBytes: this.#held.bytes,
      links: [...this.#links.values()].map((link) => link.snapshot()),
      outbound: this.#outbound.snapshot(),
      inbound: this.#inbound.snapshot(),
      packets: this.#packets.snapshot(),
    };
  }

  #opened(id: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.isOpen = true;
    this.#outbound.linkOpened(link);
    this.#touch(link);
  }

  #failed(id: number, code: ErrorCode, message: string): void {
    const link = this.#drop(id);
    if (link === undefined) return;
    this.#outbound.linkFailed(link, code, message);
    this.#packets.linkClosed(link);
  }

  #ended(id: number): void {
    const link = this.#drop(id);
    if (link !== undefined) this.#closed(link);
  }

  #blocked(id: number): void {
    const link = this.#links.get(id);
    if (link !== undefined) link.isWritable = false;
  }

  #drained(id: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.isWritable = true;
    this.#touch(link);
  }

  #take(link: Link, frames: readonly Frame[], pinnedBytes: number): void {
    try {
      for (const frame of frames) this.#takeFrame(link, frame, pinnedBytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#break(link, error.message);
    }
    this.#touch(link);
  }

  #takeFrame(link: Link, frame: Frame, pinnedBytes: number): void {
    link.count(frame);
    switch (frame.type) {
      case FrameType.data:
        return this.#data(link, frame, pinnedBytes);
      case FrameType.open:
        return this.#open(link, frame, pinnedBytes);
      case FrameType.credit:
        return link.credit(frame.call, frame.bytes, this.#context.nowMs);
      case FrameType.reset: {
        const call = link.calls.get(frame.call);
        if (call === undefined) return;
        if (link.role === 'caller') this.#outbound.reset(call, frame.code, frame.reason);
        else this.#inbound.cancelled(call);
        return;
      }
      case FrameType.packet:
        if (link.role === 'caller') throw new FrameError('PACKET from the side that answers');
        if (link instanceof SessionLink) throw new FrameError('PACKET within a session');
        this.#context.emit({ type: 'packet/arrived', neighbour: link.peer, frame });
        return;
    }
  }

  #open(link: Link, frame: OpenFrame, pinnedBytes: number): void {
    if (link.role === 'caller') throw new FrameError('OPEN from the side that answers');
    if (frame.call <= link.lastCall) throw new FrameError('OPEN for a call that was opened before');
    link.lastCall = frame.call;
    // Those are between neighbours.
    if (link instanceof SessionLink && isInternal(frame.service))
      return link.refuse(frame.call, 'no-handler', '');
    const call = this.#inbound.open(link, frame);
    if (call !== undefined) this.#receive(link, call, frame.data, frame.flags, pinnedBytes);
  }

  #data(link: Link, frame: DataFrame, pinnedBytes: number): void {
    const call = link.calls.get(frame.call);
    if (call === undefined) {
      if (link.role === 'answerer' && frame.call > link.lastCall) throw new FrameError('DATA before OPEN');
      return;
    }
    this.#receive(link, call, frame.data, frame.flags, pinnedBytes);
  }

  /** Takes a chunk of a message, from either side. */
  #receive(link: Link, call: Call, data: Uint8Array, flags: number, pinnedBytes: number): void {
    const cost = data.length + ((flags & END_MESSAGE) === 0 ? 0 : MESSAGE_COST_BYTES);
    call.receiveWindow -= cost;
    call.ungrantedBytes += cost;
    if (call.receiveWindow < -MESSAGE_COST_BYTES)
      throw new FrameError('more sent than the call had credit for');
    const side = link.role === 'caller' ? this.#outbound : this.#inbound;
    if (data.length > 0) {
      const isWhole = call.chunkBytes === 0 && (flags & END_MESSAGE) !== 0;
      const held = call.addChunk(data, isWhole, pinnedBytes);
      this.#held.bytes += held;
      if (!side.admitChunk(link, call, held)) return;
    }
    if ((flags & END_MESSAGE) !== 0) {
      call.untakenMessages += 1;
      side.message(link, call, (flags & END_STREAM) !== 0);
    } else if ((flags & END_STREAM) !== 0) side.ended(link, call);
    else link.grant(call, 0);
  }

  #touch(link: Link): void {
    if (link.isDirty) return;
    link.isDirty = true;
    this.#dirty.push(link);
  }

  #write(link: Link): void {
    if (!link.isOpen || !link.isWritable || !this.#links.has(link.id)) return link.packets?.keep();
    const side = link.role === 'caller' ? this.#outbound : this.#inbound;
    const frames = link.collect(side.progress, this.#context.nowMs);
    if (frames.length === 0) return;
    if (!(link instanceof SessionLink))
      return this.#context.emit({ type: 'request/write', link: link.id, frames });
    const record = link.wantsPath;
    link.wantsPath = false;
    this.#context.emit({ type: 'session/write', link: link.id, parts: encodeFrames(frames), record });
  }

  #drop(id: number): Link | undefined {
    const link = this.#links.get(id);
    this.#links.delete(id);
    return link;
  }

  /** The other side broke the protocol on it. */
  #break(link: Link, reason: string): void {
    this.#drop(link.id);
    if (link instanceof SessionLink)
      this.#context.emit({ type: 'session/close', link: link.id, reason, isFault: true });
    else this.#context.emit({ type: 'request/close-link', link: link.id, peer: link.peer, reason });
    this.#closed(link);
  }

  #closed(link: Link): void {
    link.isOpen = false;
    this.#packets.linkClosed(link);
    if (link.role === 'caller') this.#outbound.linkClosed(link);
    else this.#inbound.linkClosed(link);
  }
}
