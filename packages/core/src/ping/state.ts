import { PeerdError, type PingResult } from '@peerd/protocol';
import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import { type Overload, Quota } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { ConnectionEvent, PeerReach, PeerReached, PeerRouted } from '../peers/messages.ts';
import type { Target } from '../peers/target.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import type { ClientClosed } from '../server/inputs.ts';
import type { Fail, Settle } from '../server/outputs.ts';
import type { ProbeAsk, ProbeOutcome } from '../trace/messages.ts';
import { unreachedError } from '../unreached.ts';

/** The check that each connection still has somebody at its end. A silent peer goes unnoticed for both together. */
export interface PingConfig {
  /** From one check of a connection to the next. */
  readonly intervalMs: number;
  /** How long a peer has to answer. */
  readonly timeoutMs: number;
}

export type PingInput =
  | {
      readonly type: 'ping';
      readonly ref: number;
      readonly target: Target;
      readonly timeoutMs: number;
      readonly responder: Responder<PingResult>;
    }
  | { readonly type: 'ping/cancel'; readonly ref: number }
  | ClientClosed
  | { readonly type: 'ping/done'; readonly ping: number; readonly rttMs: number }
  | {
      readonly type: 'ping/failed';
      readonly ping: number;
      readonly unsupported: boolean;
      readonly message: string;
    }
  | PeerReached
  | PeerRouted
  | ProbeOutcome
  | ConnectionEvent
  | { readonly type: 'tick' };

export type PingOutput =
  | Overload
  | Settle
  | Fail
  | PeerReach
  | ProbeAsk
  | {
      readonly type: 'ping/send';
      readonly ping: number;
      readonly connection: string;
      readonly timeoutMs: number;
    }
  /** The connection is dead: nothing more comes of it. */
  | { readonly type: 'connection/abort'; readonly connection: string; readonly reason: string };

/** Pings that users wait for. Each is a program's call; a program waits for a few. */
const MAX_ASKED = 4_096;

interface Asked {
  readonly ref: number;
  readonly target: Target;
  readonly timeoutMs: number;
  readonly responder: Responder<PingResult>;
  deadline: Deadline<Asked> | undefined;
  peer: string | undefined;
  /** What it waits for, of a peer that there is a connection to. */
  sent: Sent | undefined;
  /** What came of trying to connect to a peer that is pinged over others. */
  dialError: PeerdError | undefined;
}

interface Check {
  readonly connection: string;
  readonly peer: string;
  due: Deadline<Check> | undefined;
}

/** A ping on the wire, and who waits for its outcome. */
interface Sent {
  readonly connection: string;
  readonly asked: Set<Asked>;
  check: Check | undefined;
}

/** Pings that a user asked for, and the periodic check that each connection still has somebody at its end. */
export class PingState implements Feature<PingInput> {
  readonly handlers: Handlers<PingInput>;
  readonly #context: Context<PingOutput>;
  readonly #config: PingConfig;
  readonly #asked = new Map<number, Asked>();
  readonly #askedDeadlines = new Deadlines<Asked>();
  readonly #checks = new Map<string, Check>();
  readonly #checkTimes = new Deadlines<Check>();
  readonly #sent = new Map<number, Sent>();
  /** The same by connection. A peer lets in few ping streams: more than one would fail for their number alone. */
  readonly #onWire = new Map<string, Sent>();
  readonly #quota = new Quota(
    'pings',
    'items',
    () => MAX_ASKED,
    () => this.#asked.size,
  );
  readonly quotas: readonly Quota[] = [this.#quota];
  #lastPing = 0;

  constructor(context: Context<PingOutput>, config: PingConfig) {
    this.#context = context;
    this.#config = config;
    this.handlers = {
      ping: ({ ref, target, timeoutMs, responder }) => {
        if (this.#asked.size >= MAX_ASKED) {
          this.#quota.refuse(context);
          const message = `${MAX_ASKED} pings are under way: try again when some have ended`;
          context.emit({ type: 'fail', responder, error: new PeerdError('busy', message) });
          return;
        }
        const asked: Asked = {
          ref,
          target,
          timeoutMs,
          responder,
          deadline: undefined,
          peer: undefined,
          sent: undefined,
          dialError: undefined,
        };
        asked.deadline = this.#askedDeadlines.add(asked, context.nowMs + timeoutMs);
        this.#asked.set(ref, asked);
        // Who gives an address wants to know of that one.
        const over = target.kind === 'address' ? {} : ({ overRoutes: true } as const);
        context.emit({ type: 'peer/reach', ref, target, ...over });
      },
      'ping/cancel': ({ ref }) => {
        const asked = this.#asked.get(ref);
        if (asked !== undefined) this.#fail(asked, new PeerdError('stopped', 'the ping was cancelled'));
      },
      'client/closed': () => {
        for (const asked of [...this.#asked.values()])
          this.#fail(asked, new PeerdError('stopped', 'the client was closed'));
      },
      'peer/reached': ({ ref, peer, connection }) => {
        const asked = this.#asked.get(ref);
        if (asked === undefined) return;
        asked.peer = peer;
        asked.sent = this.#send(connection);
        asked.sent.asked.add(asked);
      },
      'peer/routed': ({ ref, peer, error }) => {
        const asked = this.#asked.get(ref);
        if (asked === undefined) return;
        asked.peer = peer;
        asked.dialError = error;
        context.emit({ type: 'probe/ask', ref, peer });
      },
      'peer/unreached': ({ ref, error }) => {
        const asked = this.#asked.get(ref);
        if (asked !== undefined) this.#fail(asked, error);
      },
      'ping/done': ({ ping, rttMs }) => {
        for (const asked of this.#take(ping)?.asked ?? []) {
          this.#forget(asked);
          const value: PingResult = { peer: asked.peer as string, rttMs, routed: false };
          context.emit({ type: 'settle', responder: asked.responder, value });
        }
      },
      'probe/answered': ({ ref, rttMs }) => {
        const asked = this.#asked.get(ref);
        if (asked === undefined) return;
        this.#forget(asked);
        const value: PingResult = { peer: asked.peer as string, rttMs, routed: true };
        context.emit({ type: 'settle', responder: asked.responder, value });
      },
      'probe/unanswered': ({ ref, error: { code, message } }) => {
        const asked = this.#asked.get(ref);
        if (asked?.peer === undefined) return;
        const { target, peer, dialError } = asked;
        this.#fail(asked, unreachedError(target.key, { peer, code, message, dialError }));
      },
      'ping/failed': ({ ping, unsupported, message }) => {
        const sent = this.#take(ping);
        if (sent === undefined) return;
        for (const asked of sent.asked)
          this.#fail(
            asked,
            unsupported
              ? new PeerdError('incompatible', `${asked.target.key} does not answer pings`)
              : new PeerdError('disconnected', `the ping to ${asked.target.key} failed: ${message}`),
          );
        // What users ask for does not cost the connection.
        if (sent.check !== undefined && !unsupported && this.#checks.has(sent.connection))
          context.emit({
            type: 'connection/abort',
            connection: sent.connection,
            reason: `${sent.check.peer} did not answer a ping: ${message}`,
          });
      },
      'connection/opened': ({ connection, peer }) => {
        const check: Check = { connection, peer, due: undefined };
        // Spread out, so that connections made together are not checked together for ever.
        check.due = this.#checkTimes.add(check, context.nowMs + config.intervalMs * (0.5 + context.random()));
        this.#checks.set(connection, check);
      },
      'connection/closed': ({ connection }) => {
        const check = this.#checks.get(connection);
        if (check === undefined) return;
        this.#checks.delete(connection);
        this.#checkTimes.remove(check.due);
      },
      tick: () => {
        this.#askedDeadlines.expire(context.nowMs, (asked) => {
          const isRouted = asked.peer !== undefined && asked.sent === undefined;
          const [how, more] = isRouted ? [' over others', ': a trace shows how far the way goes'] : ['', ''];
          const message = `no answer to a ping of ${asked.target.key}${how} within ${asked.timeoutMs} ms${more}`;
          this.#fail(asked, new PeerdError('timeout', message));
        });
        this.#checkTimes.expire(context.nowMs, (check) => {
          check.due = this.#checkTimes.add(check, context.nowMs + config.intervalMs);
          this.#send(check.connection).check = check;
        });
      },
    };
  }

  get nextTickMs(): number {
    return Math.min(this.#askedDeadlines.nextMs, this.#checkTimes.nextMs);
  }

  stop(): void {
    for (const asked of [...this.#asked.values()])
      this.#fail(asked, new PeerdError('stopped', 'the server was stopped'));
  }

  snapshot(): unknown {
    return { asked: [...this.#asked.keys()], checks: [...this.#checks.keys()], sent: [...this.#sent.keys()] };
  }

  /**
   * Sends a ping, or gives the one that is on the wire of this connection. Each has the same time, whoever asks:
   * users' own deadlines are kept here.
   */
  #send(connection: string): Sent {
    const onWire = this.#onWire.get(connection);
    if (onWire !== undefined) return onWire;
    const sent: Sent = { connection, asked: new Set(), check: undefined };
    this.#lastPing += 1;
    this.#sent.set(this.#lastPing, sent);
    this.#onWire.set(connection, sent);
    this.#context.emit({
      type: 'ping/send',
      ping: this.#lastPing,
      connection,
      timeoutMs: this.#config.timeoutMs,
    });
    return sent;
  }

  #take(ping: number): Sent | undefined {
    const sent = this.#sent.get(ping);
    if (sent === undefined) return undefined;
    this.#sent.delete(ping);
    this.#onWire.delete(sent.connection);
    return sent;
  }

  #fail(asked: Asked, error: PeerdError): void {
    if (!this.#forget(asked)) return;
    const { ref } = asked;
    if (asked.peer === undefined) this.#context.emit({ type: 'peer/leave', ref });
    else if (asked.sent === undefined) this.#context.emit({ type: 'probe/leave', ref });
    this.#context.emit({ type: 'fail', responder: asked.responder, error });
  }

  #forget(asked: Asked): boolean {
    this.#askedDeadlines.remove(asked.deadline);
    asked.sent?.asked.delete(asked);
    return this.#asked.delete(asked.ref);
  }
}
