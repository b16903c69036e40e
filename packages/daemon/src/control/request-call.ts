import type { DirectClient, Settler } from '@peerd/core';
import { defaults, type PeerRef } from '@peerd/protocol';
import type { ClientFrame } from '@peerd/protocol/control';

/** What a client has open on its connection, by call id. */
export interface OpenCall {
  /** The client cancels it or is gone: it has to end soon. */
  cancel(): void;
  /** The client has taken answers of this cost. */
  taken(cost: number): void;
}

/** Where a request ends: the session, as its requests see it. One of `answered` and `failed` is called once for each. */
export interface Replies {
  /** The one that does not end it; before `answered`. */
  passed(id: number, path: readonly PeerRef[]): void;
  answered(id: number, payload: Uint8Array): void;
  failed(id: number, error: unknown, wasCancelled: boolean): void;
}

type Request = Extract<ClientFrame['body'], { case: 'request' }>['value'];

/** A request for one answer: the hot path, and so its own responder and nothing more. */
export class RequestCall implements OpenCall, Settler<Uint8Array> {
  readonly #id: number;
  readonly #client: DirectClient;
  readonly #replies: Replies;
  #ask: number | undefined;
  #wasCancelled = false;

  constructor(id: number, client: DirectClient, replies: Replies) {
    this.#id = id;
    this.#client = client;
    this.#replies = replies;
  }

  start({
    peer,
    service,
    payload,
    idempotent,
    wantPath,
    timeoutMs = defaults.requestTimeoutMs,
  }: Request): void {
    // That it failed, `reject` hears as well.
    const path = wantPath
      ? { resolve: (passed: readonly PeerRef[]) => this.#replies.passed(this.#id, passed), reject() {} }
      : undefined;
    try {
      this.#ask = this.#client.ask(peer, payload, { service, timeoutMs, idempotent, path }, this);
    } catch (error) {
      this.reject(error);
    }
  }

  cancel(): void {
    if (this.#wasCancelled || this.#ask === undefined) return;
    this.#wasCancelled = true;
    this.#client.cancel(this.#ask);
  }

  taken(): void {}

  resolve(payload: Uint8Array): void {
    this.#replies.answered(this.#id, payload);
  }

  reject(error: unknown): void {
    this.#replies.failed(this.#id, error, this.#wasCancelled);
  }
}
