import type { Session } from './session.ts';

/** The sessions that stand, by what they are looked up by. */
export class Registry {
  readonly #byId = new Map<number, Session>();
  readonly #byPeer = new Map<string, Set<Session>>();
  /** How many that others have begun each neighbour has handed over. */
  readonly #byNeighbour = new Map<string, number>();
  readonly #byLink = new Map<number, Session>();
  /** The one that our calls to a peer go over. */
  readonly #to = new Map<string, Session>();

  get size(): number {
    return this.#byId.size;
  }

  /** Oldest first. */
  values(): IterableIterator<Session> {
    return this.#byId.values();
  }

  get(id: number): Session | undefined {
    return this.#byId.get(id);
  }

  /** Both ends may have begun one. */
  of(peer: string): readonly Session[] {
    return [...(this.#byPeer.get(peer) ?? [])];
  }

  to(peer: string): Session | undefined {
    return this.#to.get(peer);
  }

  byLink(link: number): Session | undefined {
    return this.#byLink.get(link);
  }

  add(session: Session): void {
    this.#byId.set(session.id, session);
    const sessions = this.#byPeer.get(session.peer) ?? new Set();
    this.#byPeer.set(session.peer, sessions.add(session));
    if (!session.isInitiator) this.#byNeighbour.set(session.neighbour, this.begunBy(session.neighbour) + 1);
  }

  begunBy(neighbour: string): number {
    return this.#byNeighbour.get(neighbour) ?? 0;
  }

  /** Our calls to its peer go over it from now on. */
  use(session: Session): void {
    this.#to.set(session.peer, session);
  }

  setLink(link: number, session: Session): void {
    this.#byLink.set(link, session);
  }

  /** Returns whether it was there. */
  delete(session: Session): boolean {
    if (!this.#byId.delete(session.id)) return false;
    const sessions = this.#byPeer.get(session.peer);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byPeer.delete(session.peer);
    if (this.#to.get(session.peer) === session) this.#to.delete(session.peer);
    const begun = session.isInitiator ? 0 : this.begunBy(session.neighbour) - 1;
    if (begun > 0) this.#byNeighbour.set(session.neighbour, begun);
    else if (!session.isInitiator) this.#byNeighbour.delete(session.neighbour);
    for (const link of session.links) this.#byLink.delete(link);
    return true;
  }
}
