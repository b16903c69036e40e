import type { CounterInfo, ErrorCode } from '@peerd/protocol';
import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import { Quota } from '../channel/quota.ts';
import type { Entropy } from '../entropy.ts';
import type { PacketReceived } from '../forwarding/messages.ts';
import type { Ways } from '../routing/messages.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { PacketCipher } from './cipher.ts';
import { close, decodeHeader, decodeNumber, encodeNumber, SessionCodecError } from './codec.ts';
import { GREETING_MS, type Greeting } from './greeting.ts';
import { type Ends, Handshakes, type Lists, type SessionsSelf } from './handshakes.ts';
import { FIRST_INBOUND_LINK, type SessionsInput, type SessionsOutput } from './messages.ts';
import { NoiseError, type TransportKeys } from './noise.ts';
import { Registry } from './registry.ts';
import { MAX_HELD_BYTES, Session, SessionError, type SessionWorld } from './session.ts';

/** Sessions, begun and established: each takes about 2 KiB, and what it has under way. */
const MAX_SESSIONS = 4_096;

/** Nothing that was sent has been acknowledged for so long, in ms: the other end is gone, or no way leads there. */
const UNHEARD_MS = 15_000;

/** No way leads to the other end, for so long, in ms: longer than routes take to settle. */
const LOST_MS = 5_000;

/** A session that nobody uses is given up after so long, in ms; one that is waiting for an answer asks for a sign of life. */
const IDLE_MS = 300_000;

/** When all are taken, so many of those that were used longest ago are looked at, if that was so long ago, in ms. */
const ROOM_SESSIONS = 64;
const ROOM_IDLE_MS = 10_000;

/** What is sent and not acknowledged, of all sessions together: then those that would send more have to wait. */
const MAX_ALL_HELD_BYTES: number = 64 * 1024 * 1024;

/** What the other end is told of a session that is not known here. */
const UNKNOWN = 'session-unknown';

/** The other end's clock may be off by so much, in ms. */
const UNKNOWN_LIFETIME_MS = 300_000;

/** Sessions between this node and others, over whatever lies between them. */
export class SessionsState implements Feature<SessionsInput> {
  readonly handlers: Handlers<SessionsInput>;
  readonly quotas: readonly Quota[];
  readonly #context: Context<SessionsOutput>;
  readonly #self: SessionsSelf;
  readonly #world: SessionWorld;
  readonly #sessions = new Registry();
  readonly #handshakes: Handshakes;
  readonly #deadlines = new Deadlines<Session>();
  readonly #armed = new Map<Session, Deadline<Session>>();
  readonly #full: Quota;
  readonly #held: Quota;
  #lists: Lists;
  #lastInbound: number = FIRST_INBOUND_LINK;
  /** Packets that their sender can't have sent, that came before, and that belong to no session. */
  readonly #counts = { forged: 0, repeated: 0, stray: 0 };

  constructor(context: Context<SessionsOutput>, self: SessionsSelf, ways: Ways, entropy: Entropy) {
    this.#context = context;
    this.#self = self;
    this.#lists = self.lists;
    this.#handshakes = new Handshakes(context, self, ways, entropy, {
      refusal: (peer, neighbour) => this.#refusal(peer, this.#sessions.begunBy(neighbour)),
      established: (ends, keys, greeting) => this.#establish(ends, keys, greeting),
      failed: (link, code, message) => this.#fail(link, code, message),
    });
    this.#full = new Quota(
      'sessions',
      'items',
      () => MAX_SESSIONS,
      () => this.#sessions.size + this.#handshakes.size,
    );
    this.#held = new Quota(
      'bytes of sessions under way',
      'bytes',
      () => MAX_ALL_HELD_BYTES,
      () => this.#world.held.bytes,
    );
    this.quotas = [this.#full, this.#held, ...this.#handshakes.intake.quotas];
    this.#world = {
      held: { bytes: 0 },
      waiting: { bytes: 0 },
      get nowMs() {
        return context.nowMs;
      },
      nameOf: (peer) => ways.advertOf(peer)?.name,
      send: ({ peer, attempt, via }, kind, body, record, back) =>
        context.emit({ type: 'packet/send', to: peer, kind, body, attempt, via: back ?? via, record }),
      received: (session, isOurs, bytes) => {
        const link = isOurs ? session.ourLink : this.#theirLink(session);
        if (link !== undefined) context.emit({ type: 'session/bytes', link, bytes });
      },
      path: ({ ourLink }, path) => {
        if (ourLink !== undefined) context.emit({ type: 'session/path', link: ourLink, path });
      },
    };
    this.handlers = {
      'session/open': ({ link, peer }) => this.#open(link, peer),
      'session/write': ({ link, parts, record }) => {
        const session = this.#sessions.byLink(link);
        if (session === undefined) return;
        session.write(link === session.ourLink, parts, record);
        this.#arm(session);
        const isFull = this.#world.held.bytes > MAX_ALL_HELD_BYTES;
        if (session.isBlocked || !(isFull || session.outbox.bytes > MAX_HELD_BYTES)) return;
        if (isFull) this.#held.refuse(context);
        session.isBlocked = true;
        for (const one of session.links) context.emit({ type: 'session/blocked', link: one });
      },
      'session/close': ({ link }) => {
        const session = this.#sessions.byLink(link);
        if (session !== undefined) this.#end(session, true);
      },
      'packet/received': (packet) => this.#receive(packet),
      'packet/unsent': ({ to, kind, error }) => {
        if (kind === 'init' || kind === 'seek') this.#handshakes.unsent(to, error.message);
      },
      'seal/received': ({ from, purpose, payload }) => {
        if (purpose === UNKNOWN) this.#unknownThere(from, payload);
      },
      'route/found': ({ peer }) => {
        // The other end may have given it up meanwhile, or have been restarted: that is found out before a call needs it.
        for (const session of this.#sessions.of(peer)) {
          if (session.lostMs !== undefined) session.ping();
          session.lostMs = undefined;
          this.#arm(session);
        }
        this.#handshakes.found(peer);
      },
      'route/lost': ({ peer }) => {
        for (const session of this.#sessions.of(peer)) {
          session.lostMs = context.nowMs;
          this.#arm(session);
        }
      },
      reconfigure: ({ allow, deny }) => {
        this.#lists = { allow, deny };
        for (const session of this.#sessions.values())
          if (self.denial(session.peer, this.#lists) !== undefined) this.#end(session, true);
      },
      tick: () => {
        this.#handshakes.tick();
        this.#deadlines.expire(context.nowMs, (session) => this.#tick(session));
      },
    };
  }

  get nextTickMs(): number {
    return Math.min(this.#deadlines.nextMs, this.#handshakes.nextTickMs);
  }

  get counters(): readonly CounterInfo[] {
    const { forged, repeated } = this.#handshakes;
    return [
      { name: 'forged packets of sessions', count: this.#counts.forged + forged },
      { name: 'repeated packets of sessions', count: this.#counts.repeated + repeated },
      { name: 'packets of no session', count: this.#counts.stray },
    ];
  }

  /** Tells the other ends: the node is stopping, and all that was to be sent has been. */
  close(): void {
    for (const session of this.#sessions.values()) session.sayControl(close);
  }

  snapshot(): unknown {
    return {
      sessions: [...this.#sessions.values()].map((session) => session.snapshot()),
      handshakes: this.#handshakes.snapshot(),
      counts: this.#counts,
    };
  }

  #open(link: number, peer: string): void {
    const session = this.#sessions.to(peer);
    if (session !== undefined) {
      session.ourLink = link;
      this.#sessions.setLink(link, session);
      this.#context.emit({ type: 'session/opened', link });
      return;
    }
    const refusal = this.#refusal(peer, 0);
    if (refusal === undefined) this.#handshakes.open(link, peer);
    else this.#fail(link, refusal.code, refusal.reason);
  }

  /** `held`: sessions of whoever it comes from. Nobody has more than are free beside them. */
  #refusal(peer: string, held: number): { readonly code: ErrorCode; readonly reason: string } | undefined {
    const denial = this.#self.denial(peer, this.#lists);
    if (denial !== undefined) return denial;
    const count = () => this.#sessions.size + this.#handshakes.size;
    if (count() >= MAX_SESSIONS) this.#makeRoom();
    if (count() + Math.max(held, 1) <= MAX_SESSIONS) return undefined;
    this.#full.refuse(this.#context);
    return { code: 'busy', reason: `${count()} sessions with others are open` };
  }

  #receive(packet: PacketReceived): void {
    try {
      switch (packet.kind) {
        case 'data':
        case 'control':
          return this.#take(packet.kind, packet);
        case 'init':
          return this.#handshakes.begun(packet);
        case 'response':
          return this.#handshakes.answered(packet);
        case 'seek':
          return this.#handshakes.sought(packet);
        case 'offer':
          return this.#handshakes.offered(packet);
        default:
          return;
      }
    } catch (error) {
      // Of a handshake; what comes within a session can be nobody else's.
      if (!(error instanceof NoiseError || error instanceof SessionCodecError)) throw error;
      this.#counts.forged += 1;
    }
  }

  #take(kind: 'data' | 'control', { from, body, path }: PacketReceived): void {
    const header = decodeHeader(body);
    const session = this.#sessions.get(header.id);
    if (session === undefined) return this.#stray(from, header.id);
    if (session.peer !== from) {
      this.#counts.forged += 1;
      return;
    }
    // The way that our answer has taken to them, before anything is said that goes the same.
    if (!session.isHeardOf) session.via = this.#handshakes.answerOf(session.id)?.via;
    let outcome: ReturnType<Session['take']>;
    try {
      outcome = session.take(kind, header, body, path);
    } catch (error) {
      if (!(error instanceof SessionError || error instanceof SessionCodecError)) throw error;
      return this.#end(session, true);
    }
    if (outcome === undefined) this.#counts.forged += 1;
    else if (outcome === 'repeated') this.#counts.repeated += 1;
    else if (outcome === 'closed') return this.#end(session, false);
    if (outcome === 'taken') {
      session.lostMs = undefined;
      if (this.#handshakes.settled(session.id)) this.#begins(session);
      if (session.isBlocked && session.outbox.bytes <= MAX_HELD_BYTES / 2) {
        session.isBlocked = false;
        for (const link of session.links) this.#context.emit({ type: 'session/drained', link });
      }
    }
    this.#arm(session);
  }

  /** The first has come over a session of theirs. */
  #begins(session: Session): void {
    const { peer } = session;
    // Had it kept an earlier one it would not have begun another.
    for (const earlier of this.#sessions.of(peer))
      if (earlier !== session && !earlier.isInitiator && earlier.isHeardOf) this.#end(earlier, false);
    if (this.#sessions.to(peer) === undefined) this.#sessions.use(session);
  }

  /** The other end believes that there is a session: it is told that there is none, which nobody else can say. */
  #stray(from: string, id: number): void {
    this.#counts.stray += 1;
    const payload = encodeNumber(id);
    this.#context.emit({
      type: 'seal/send',
      to: from,
      purpose: UNKNOWN,
      payload,
      lifetimeMs: UNKNOWN_LIFETIME_MS,
    });
  }

  /** The other end was restarted, or has given it up. */
  #unknownThere(from: string, payload: Uint8Array): void {
    let id: number;
    try {
      id = decodeNumber(payload);
    } catch (error) {
      if (!(error instanceof SessionCodecError)) throw error;
      this.#counts.forged += 1;
      return;
    }
    for (const session of this.#sessions.of(from)) if (session.theirId === id) this.#end(session, false);
  }

  #tick(session: Session): void {
    this.#armed.delete(session);
    session.dueMs = Number.POSITIVE_INFINITY;
    if (this.#sessions.get(session.id) !== session) return;
    const { nowMs } = this.#context;
    session.tick();
    const { unheardMs, lostMs, startedMs, usedMs, links } = session;
    const isUnheard = unheardMs !== undefined && nowMs - unheardMs >= UNHEARD_MS;
    const isLost = lostMs !== undefined && nowMs - lostMs >= LOST_MS;
    const isHalf = !session.isHeardOf && nowMs - startedMs >= GREETING_MS;
    if (isUnheard || isLost || isHalf) return this.#end(session, false);
    if (nowMs - usedMs >= IDLE_MS) {
      if (links.length === 0) return this.#end(session, true);
      this.#context.emit({ type: 'session/idle', links });
      session.ping();
    }
    this.#arm(session);
  }

  #arm(session: Session): void {
    const { unheardMs, lostMs, startedMs, usedMs } = session;
    const never = Number.POSITIVE_INFINITY;
    const dueMs = Math.min(
      session.timeoutAtMs,
      usedMs + IDLE_MS,
      unheardMs === undefined ? never : unheardMs + UNHEARD_MS,
      lostMs === undefined ? never : lostMs + LOST_MS,
      session.isHeardOf ? never : startedMs + GREETING_MS,
    );
    if (dueMs >= session.dueMs) return;
    this.#deadlines.remove(this.#armed.get(session));
    session.dueMs = dueMs;
    this.#armed.set(session, this.#deadlines.add(session, dueMs));
  }

  #establish(ends: Ends, { send, receive }: TransportKeys, greeting: Greeting | undefined): void {
    const session = new Session(this.#world, ends, new PacketCipher(send), new PacketCipher(receive));
    this.#sessions.add(session);
    this.#arm(session);
    if (greeting === undefined) return;
    const { link, via } = greeting;
    session.via = via;
    session.ourLink = link;
    this.#sessions.setLink(link, session);
    this.#sessions.use(session);
    this.#context.emit({ type: 'session/opened', link });
  }

  #end(session: Session, isTold: boolean): void {
    if (!this.#sessions.delete(session)) return;
    if (isTold) session.sayControl(close);
    session.letGo();
    this.#handshakes.settled(session.id);
    this.#deadlines.remove(this.#armed.get(session));
    this.#armed.delete(session);
    for (const link of session.links) this.#context.emit({ type: 'session/closed', link });
  }

  #theirLink(session: Session): number {
    if (session.theirLink === undefined) {
      this.#lastInbound -= 1;
      const link = this.#lastInbound;
      session.theirLink = link;
      this.#sessions.setLink(link, session);
      const { peer, name } = session;
      this.#context.emit({ type: 'session/inbound', link, peer, name });
    }
    return session.theirLink;
  }

  #fail(link: number, code: ErrorCode, message: string): void {
    this.#context.emit({ type: 'session/failed', link, code, message });
  }

  /** One that has no calls makes room, or those that were used longest ago do, if their calls turn out to be over. */
  #makeRoom(): void {
    for (const session of this.#sessions.values())
      if (session.links.length === 0) return this.#end(session, true);
    const oldest = [...this.#sessions.values()].sort((a, b) => a.usedMs - b.usedMs).slice(0, ROOM_SESSIONS);
    for (const { usedMs, links } of oldest)
      if (this.#context.nowMs - usedMs >= ROOM_IDLE_MS) this.#context.emit({ type: 'session/idle', links });
  }
}
