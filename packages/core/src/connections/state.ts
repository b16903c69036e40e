import { type ConnectedPeer, PeerdError } from '@peerd/protocol';
import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import { Quota } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { Target } from '../peers/target.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import type { ConnectionsInput, ConnectionsOutput } from './messages.ts';

/** Connects and disconnects under way. Each is a program's call; a program waits for a few. */
const MAX_UNDER_WAY = 4_096;

interface Connecting {
  readonly ref: number;
  readonly target: Target;
  readonly timeoutMs: number;
  readonly responder: Responder<ConnectedPeer>;
  deadline: Deadline<Connecting> | undefined;
}

interface Disconnecting {
  readonly responder: Responder<number>;
  /** Those that are still there; `undefined` until the peer has been looked up. */
  open: Set<string> | undefined;
  count: number;
}

/** The connections that users ask for, and those they let go of. */
export class ConnectionsState implements Feature<ConnectionsInput> {
  readonly handlers: Handlers<ConnectionsInput>;
  readonly #context: Context<ConnectionsOutput>;
  readonly #connecting = new Map<number, Connecting>();
  readonly #deadlines = new Deadlines<Connecting>();
  readonly #disconnecting = new Map<number, Disconnecting>();

  readonly #quota = new Quota(
    'connects and disconnects',
    'items',
    () => MAX_UNDER_WAY,
    () => this.#connecting.size + this.#disconnecting.size,
  );
  readonly quotas: readonly Quota[] = [this.#quota];

  constructor(context: Context<ConnectionsOutput>) {
    this.#context = context;
    this.handlers = {
      connect: ({ ref, target, timeoutMs, responder }) => {
        if (this.#isFull(responder)) return;
        const connecting: Connecting = { ref, target, timeoutMs, responder, deadline: undefined };
        connecting.deadline = this.#deadlines.add(connecting, context.nowMs + timeoutMs);
        this.#connecting.set(ref, connecting);
        // Also when it can't be reached now: who is wanted is dialled again later.
        if (target.kind !== 'word' && target.peer !== undefined)
          context.emit({ type: 'peer/wanted', peer: target.peer });
        context.emit({ type: 'peer/reach', ref, target });
      },
      'connect/cancel': ({ ref }) => {
        const connecting = this.#connecting.get(ref);
        if (connecting !== undefined)
          this.#giveUp(connecting, new PeerdError('stopped', 'the connect was cancelled'));
      },
      disconnect: ({ ref, target, responder }) => {
        if (this.#isFull(responder)) return;
        this.#disconnecting.set(ref, { responder, open: undefined, count: 0 });
        context.emit({ type: 'peer/part', ref, target });
      },
      'client/closed': () => this.#endAll('the client was closed'),
      'peer/reached': ({ ref, peer, name, address }) => {
        const connecting = this.#connecting.get(ref);
        if (connecting === undefined) return;
        this.#forget(connecting);
        context.emit({ type: 'peer/wanted', peer });
        const value: ConnectedPeer = {
          peer,
          ...(name === undefined ? {} : { name }),
          ...(address === undefined ? {} : { address }),
        };
        context.emit({ type: 'settle', responder: connecting.responder, value });
      },
      'peer/unreached': ({ ref, error }) => {
        const connecting = this.#connecting.get(ref);
        const responder = connecting?.responder ?? this.#disconnecting.get(ref)?.responder;
        if (responder === undefined) return;
        if (connecting !== undefined) this.#forget(connecting);
        this.#disconnecting.delete(ref);
        context.emit({ type: 'fail', responder, error });
      },
      'peer/parting': ({ ref, connections }) => {
        const disconnecting = this.#disconnecting.get(ref);
        if (disconnecting === undefined) return;
        disconnecting.open = new Set(connections);
        disconnecting.count = connections.length;
        this.#finish(ref, disconnecting);
      },
      'connection/closed': ({ connection }) => {
        for (const [ref, disconnecting] of this.#disconnecting)
          if (disconnecting.open?.delete(connection)) this.#finish(ref, disconnecting);
      },
      tick: () =>
        this.#deadlines.expire(context.nowMs, (connecting) => {
          const message = `no connection to ${connecting.target.key} within ${connecting.timeoutMs} ms`;
          this.#giveUp(connecting, new PeerdError('timeout', message));
        }),
    };
  }

  get nextTickMs(): number {
    return this.#deadlines.nextMs;
  }

  stop(): void {
    this.#endAll('the server was stopped');
  }

  snapshot(): unknown {
    return {
      connecting: [...this.#connecting.keys()],
      disconnecting: [...this.#disconnecting].map(([ref, { open }]) => [ref, [...(open ?? [])]]),
    };
  }

  #isFull(responder: Responder<ConnectedPeer> | Responder<number>): boolean {
    if (this.#connecting.size + this.#disconnecting.size < MAX_UNDER_WAY) return false;
    this.#quota.refuse(this.#context);
    const message = `${MAX_UNDER_WAY} connects and disconnects are under way: try again when some have ended`;
    this.#context.emit({ type: 'fail', responder, error: new PeerdError('busy', message) });
    return true;
  }

  #finish(ref: number, { responder, open, count }: Disconnecting): void {
    if (open === undefined || open.size > 0) return;
    this.#disconnecting.delete(ref);
    this.#context.emit({ type: 'settle', responder, value: count });
  }

  #giveUp(connecting: Connecting, error: PeerdError): void {
    this.#forget(connecting);
    this.#context.emit({ type: 'peer/leave', ref: connecting.ref });
    this.#context.emit({ type: 'fail', responder: connecting.responder, error });
  }

  #forget(connecting: Connecting): void {
    this.#connecting.delete(connecting.ref);
    this.#deadlines.remove(connecting.deadline);
  }

  #endAll(why: string): void {
    for (const connecting of [...this.#connecting.values()])
      this.#giveUp(connecting, new PeerdError('stopped', why));
    for (const { responder } of this.#disconnecting.values())
      this.#context.emit({ type: 'fail', responder, error: new PeerdError('stopped', why) });
    this.#disconnecting.clear();
  }
}
