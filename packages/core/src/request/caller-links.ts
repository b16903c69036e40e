import type { PeerdError } from '@peerd/protocol';
import { Link } from './link.ts';
import type { OutboundCall } from './outbound-call.ts';
import { SessionLink } from './session-link.ts';
import type { Shared } from './side.ts';

/** The links that our calls go over: one to each peer that we are connected to, and one to each that others lead to. */
export class CallerLinks {
  readonly #shared: Shared & { readonly links: Map<number, Link> };
  /** From when the stream, or the session, is being opened. */
  readonly #direct = new Map<string, Link>();
  readonly #overOthers = new Map<string, SessionLink>();
  /** What a target led to the last time, as long as nothing has changed: spares a busy caller the look-up. */
  readonly #routes = new Map<string, Link>();
  /** Calls whose link is not open yet. */
  readonly #opening = new Map<Link, OutboundCall[]>();
  #last = 0;

  constructor(shared: Shared & { readonly links: Map<number, Link> }) {
    this.#shared = shared;
  }

  /** To a neighbour: there or being opened, or opened now over this connection. */
  to(peer: string, connection: string, name: string | undefined): Link {
    const existing = this.#direct.get(peer);
    if (existing !== undefined) return existing;
    this.#last += 1;
    const link = new Link(this.#last, peer, 'caller');
    if (name !== undefined) link.path = [{ peer, name }];
    this.#direct.set(peer, link);
    this.#begin(link);
    this.#shared.context.emit({ type: 'request/open-link', link: link.id, connection });
    return link;
  }

  /** To a peer that others lead to. `error`: what came of trying to connect to it. */
  over(peer: string, error: PeerdError | undefined): Link {
    const existing = this.#overOthers.get(peer);
    if (existing !== undefined) return existing;
    this.#last += 1;
    const link = new SessionLink(this.#last, peer, 'caller');
    link.dialError = error;
    this.#overOthers.set(peer, link);
    this.#begin(link);
    this.#shared.context.emit({ type: 'session/open', link: link.id, peer });
    return link;
  }

  /** It has ended. */
  forget(link: Link): void {
    if (this.#direct.get(link.peer) === link) this.#direct.delete(link.peer);
    if (this.#overOthers.get(link.peer) === link) this.#overOthers.delete(link.peer);
    this.#routes.clear();
  }

  routeOf(target: string): Link | undefined {
    return this.#routes.get(target);
  }

  setRoute(target: string, link: Link): void {
    this.#routes.set(target, link);
  }

  forgetRoutes(): void {
    this.#routes.clear();
  }

  /** Until the link is open. */
  wait(link: Link, call: OutboundCall): void {
    this.#opening.get(link)?.push(call);
  }

  takeWaiting(link: Link): OutboundCall[] {
    const calls = this.#opening.get(link) ?? [];
    this.#opening.delete(link);
    return calls.filter(({ isOver }) => !isOver);
  }

  snapshot(): unknown {
    return [...this.#direct, ...this.#overOthers].map(([peer, link]) => [peer, link.id]);
  }

  #begin(link: Link): void {
    this.#shared.links.set(link.id, link);
    this.#opening.set(link, []);
  }
}
