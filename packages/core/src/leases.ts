import type { Registration } from '@peerd/protocol';

/** What a client holds: each until it is closed, its signal is aborted, or the client is closed. */
export class Leases {
  readonly #open = new Set<Registration>();
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Fails, with nothing held, with the signal's reason or `closed()` when either was quicker. */
  async hold(
    release: () => Promise<void>,
    signal: AbortSignal | undefined,
    closed: () => Error,
  ): Promise<Registration> {
    let released: Promise<void> | undefined;
    const close = () => {
      this.#open.delete(lease);
      signal?.removeEventListener('abort', close);
      released ??= release();
      return released;
    };
    const lease: Registration = { close, [Symbol.asyncDispose]: close };
    this.#open.add(lease);
    signal?.addEventListener('abort', close);
    if (!this.#isClosed && !signal?.aborted) return lease;
    await close();
    throw signal?.aborted ? signal.reason : closed();
  }

  /** Lets go of all; what is held from now on is let go of at once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((lease) => lease.close()));
  }
}
