import { PeerdError } from '@peerd/protocol';
import { type ClientBody, errorOf, type ServerFrame } from '@peerd/protocol/control';
import { answerTimeoutMs, answerWatchdog, frozen } from './ask.ts';
import type { Connection } from './connection.ts';
import type { NotRestored } from './events.ts';

/** What is asked for: a registration or a subscription. */
export interface Held {
  /** For the case that it can't be restored. */
  about: Omit<NotRestored, 'error'>;
  /** The frame that asks for it, or asks for it `again` on a new connection. */
  body(again: boolean): ClientBody;
  /** Called before any frame can come for it. */
  opened?(connection: Connection, id: number): void;
  /** It has been granted. `missed` is what the daemon says that it knows. */
  stands?(again: boolean, missed: number | undefined): void;
  frame?(body: ServerFrame['body']): void;
  /** The call by which it was held is over, and the connection goes on. */
  released?(connection: Connection, id: number): void;
  /** It is over, however that came about; with an error unless it was released. Called once. */
  ended?(error?: PeerdError): void;
}

interface Asking {
  readonly type: 'asking';
  readonly again: boolean;
  stood(missed: number | undefined): void;
  refused(error: PeerdError): void;
}

type State =
  /** No connection has it, or none knows of it yet. */
  | { readonly type: 'away' }
  | Asking
  | { readonly type: 'standing' }
  | { readonly type: 'releasing' }
  | { readonly type: 'over' };

/**
 * A call that stays open after its `done`, and goes from connection to connection: it stands on one at a time, by
 * `attach`, until it is released, refused, or ended with the session.
 */
export class Lease {
  readonly #held: Held;
  readonly #standing: (lease: Lease) => void;
  readonly #over = Promise.withResolvers<void>();
  #state: State = { type: 'away' };
  #hasStood = false;
  /** The call by which it is held. */
  #at: { readonly connection: Connection; id: number } | undefined;
  #stopWatch = () => {};

  /** `standing` is called when it stands for the first time, before anything else can happen to it. */
  constructor(held: Held, standing: (lease: Lease) => void) {
    this.#held = held;
    this.#standing = standing;
  }

  get about(): Omit<NotRestored, 'error'> {
    return this.#held.about;
  }

  get isOver(): boolean {
    return this.#state.type === 'over';
  }

  get over(): Promise<void> {
    return this.#over.promise;
  }

  /**
   * Asks for it on a connection. Resolves, once it stands there, to what was missed. Fails, and is away again, with
   * what the daemon said, `disconnected`, the signal's reason, or `daemon-unavailable` if the daemon is frozen.
   */
  attach(
    connection: Connection,
    { timeoutMs = answerTimeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const again = this.#hasStood;
      const settled = () => {
        this.#stopWatch();
        signal?.removeEventListener('abort', aborted);
      };
      const giveUp = (reason: unknown) => {
        settled();
        this.#state = { type: 'away' };
        this.#drop();
        reject(reason);
      };
      const aborted = () => giveUp(signal?.reason);
      this.#state = {
        type: 'asking',
        again,
        stood(missed) {
          settled();
          resolve(missed);
        },
        refused(error) {
          settled();
          reject(error);
        },
      };
      this.#open(connection, again);
      signal?.addEventListener('abort', aborted, { once: true });
      this.#stopWatch = answerWatchdog(() => giveUp(frozen(timeoutMs)), timeoutMs);
    });
  }

  /** Gives it up; resolves when the daemon has let go too, and never fails. */
  release(): Promise<void> {
    if (this.#state.type === 'standing') {
      this.#state = { type: 'releasing' };
      this.#cancel();
      this.#stopWatch = answerWatchdog(() => {
        this.#drop();
        this.end();
      }, answerTimeoutMs);
    } else if (this.#state.type !== 'releasing') {
      this.#drop();
      this.end();
    }
    return this.over;
  }

  /** The session ends: the daemon is told, if it can be, so that it keeps nothing for later. */
  end(error?: PeerdError): void {
    const state = this.#state;
    if (state.type === 'over') return;
    if (state.type === 'standing') this.#cancel();
    this.#stopWatch();
    this.#state = { type: 'over' };
    if (state.type === 'asking') state.refused(error ?? new PeerdError('stopped', 'it was released'));
    this.#held.ended?.(state.type === 'releasing' ? undefined : error);
    this.#over.resolve();
  }

  #open(connection: Connection, again: boolean): void {
    const at = { connection, id: 0 };
    // What comes from a connection that was given up is not about this one.
    const isCurrent = () => this.#at === at;
    try {
      at.id = connection.calls.open(this.#held.body(again), {
        frame: (body) => isCurrent() && this.#frame(body),
        failed: (error) => {
          if (isCurrent()) this.#lost(error);
        },
      });
    } catch (error) {
      this.#state = { type: 'away' };
      throw error;
    }
    this.#at = at;
    this.#held.opened?.(connection, at.id);
  }

  #cancel(): void {
    this.#at?.connection.calls.send(this.#at.id, { case: 'cancel', value: {} });
  }

  /** Nobody waits for the call any more. */
  #drop(): void {
    this.#at?.connection.calls.cancel(this.#at.id);
    this.#released();
  }

  #released(): void {
    if (this.#at !== undefined) this.#held.released?.(this.#at.connection, this.#at.id);
    this.#at = undefined;
  }

  /** Returns whether the call goes on. */
  #frame(body: ServerFrame['body']): boolean {
    const state = this.#state;
    if (body.case === 'fault') {
      const error = errorOf(body.value);
      this.#released();
      if (state.type !== 'asking') this.end(error);
      else {
        this.#state = { type: 'away' };
        state.refused(error);
      }
      return false;
    }
    if (body.case !== 'done') {
      this.#held.frame?.(body);
      return true;
    }
    if (state.type !== 'asking') {
      // The daemon stops: the end of the connection follows, and perhaps another one.
      if (state.type === 'standing' && this.#at?.connection.isOver) return true;
      this.#released();
      this.end();
      return false;
    }
    this.#state = { type: 'standing' };
    this.#held.stands?.(state.again, body.value.missed);
    if (!this.#hasStood) {
      this.#hasStood = true;
      this.#standing(this);
    }
    state.stood(body.value.missed);
    return true;
  }

  /** The connection has ended. Whether another one comes is for the session to say. */
  #lost(error: PeerdError): void {
    const state = this.#state;
    this.#at = undefined;
    if (state.type === 'over') return;
    if (state.type === 'releasing') return this.end();
    this.#stopWatch();
    this.#state = { type: 'away' };
    if (state.type === 'asking') state.refused(error);
  }
}
