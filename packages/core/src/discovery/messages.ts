import type { PeerdError } from '@peerd/protocol';
import type { PeerWanted } from '../connections/messages.ts';
import type {
  ConnectionEvent,
  PeerPart,
  PeerReach,
  PeerReached,
  PeerSignal,
  PeersEvent,
} from '../peers/messages.ts';
import type { Reconfigure } from '../server/inputs.ts';

export type DiscoveryInput =
  | Reconfigure
  | Extract<
      PeersEvent,
      { type: 'node/listening' | 'peer/identified' | 'peer/remembered' | 'dht/added' | 'dht/removed' }
    >
  | ConnectionEvent
  | Extract<PeerSignal, { type: 'peer/admitted' | 'peer/disconnected' | 'peer/dial-failed' }>
  | PeerReached
  | PeerWanted
  | Extract<PeerPart, { type: 'peer/parting' }>
  /** Found on the local network. */
  | { readonly type: 'discovery/found'; readonly peer: string; readonly addresses: readonly string[] }
  | { readonly type: 'connection/abort'; readonly connection: string; readonly reason: string }
  | { readonly type: 'tick' };

export type DiscoveryOutput =
  | PeerReach
  | Extract<PeerPart, { type: 'peer/part' }>
  /** Puts a peer into the DHT's routing table, at these of its addresses. */
  | { readonly type: 'dht/add'; readonly peer: string; readonly addresses: readonly string[] }
  | { readonly type: 'dht/remove'; readonly peer: string }
  | { readonly type: 'dht/bootstrap' }
  /** A configured peer is not reached, for another reason than before. It is dialled again after `nextDialMs`. */
  | {
      readonly type: 'discovery/unreached';
      readonly address: string;
      readonly error: PeerdError;
      readonly nextDialMs: number;
    }
  /** This address of a configured peer is one of this node: it is left alone. */
  | { readonly type: 'discovery/itself'; readonly address: string };
