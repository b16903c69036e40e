import type { ErrorCode } from '@peerd/protocol';
import type { ConnectionEvent, PeerSignal, PeersEvent } from '../peers/messages.ts';
import type { Reconfigure } from '../server/inputs.ts';

/** The handshake that runs before any other protocol of ours on a connection: docs/protocols/hello.md. */
export const HELLO_PROTOCOL = '/peerd/hello/1';

/** Versions of the handshake that this node speaks. */
export const HELLO_VERSIONS: readonly number[] = [2];

export interface Greeting {
  readonly type: 'greeting';
  readonly versions: readonly number[];
  readonly network: string;
  readonly name: string;
  readonly features: readonly string[];
  readonly encryptionKey: Uint8Array;
  readonly encryptionKeySignature: Uint8Array;
  readonly nonce: Uint8Array;
  readonly proof: Uint8Array;
  readonly roles: readonly string[];
  /** The routing strategy. */
  readonly routing: string;
}

export interface Accept {
  readonly type: 'accept';
  readonly proof: Uint8Array;
}

export interface Refusal {
  readonly type: 'refusal';
  readonly code: ErrorCode;
  readonly reason: string;
}

export type HelloMessage = Greeting | Accept | Refusal;

export type HelloEvent =
  /** The stream that we asked for is there. */
  | { readonly type: 'hello/opened'; readonly connection: string }
  /** The other side does not speak hello. */
  | { readonly type: 'hello/unsupported'; readonly connection: string }
  | { readonly type: 'hello/failed'; readonly connection: string; readonly message: string }
  | { readonly type: 'hello/message'; readonly connection: string; readonly message: HelloMessage };

export type HelloInput =
  | HelloEvent
  | ConnectionEvent
  | Reconfigure
  | Extract<PeersEvent, { type: 'peer/identified' }>
  | { readonly type: 'tick' };

export type HelloOutput =
  | { readonly type: 'hello/open'; readonly connection: string }
  | { readonly type: 'hello/send'; readonly connection: string; readonly message: HelloMessage }
  /** Whether other protocols may now run on the connection. */
  | { readonly type: 'hello/gate'; readonly connection: string; readonly open: boolean }
  /** Whether a peer that has not said hello is now kept out of every protocol. */
  | { readonly type: 'hello/closed'; readonly isClosed: boolean }
  /** Closes the connection once what was sent on it has gone out. */
  | { readonly type: 'connection/close'; readonly connection: string; readonly reason: string }
  | Extract<PeerSignal, { type: 'peer/admitted' | 'peer/refused' }>;
