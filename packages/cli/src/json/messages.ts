// What is printed with `--json` of requests and broadcasts.
import type { ErrorJson } from './program.ts';

/** `peerd request`: one object. */
export interface RequestJson {
  /** The peer as it was given. */
  peer: string;
  /** Who answered. */
  peerId: string | null;
  peerName: string | null;
  /** The peers that the request passed, in order, the one that answered last: the only one where there is a connection. */
  path: PeerRefJson[];
  /** '' is the service without a name. */
  service: string;
  /** The answer when it is UTF-8 text. There is always one of this and payloadBase64. */
  payload?: string;
  payloadBase64?: string;
  /** From the call to its answer. */
  ms: number;
}

export interface PeerRefJson {
  /** Its id. */
  peer: string;
  /** Its own word for its name. */
  name: string | null;
}

/** `peerd reply`, `peerd routes` with --watch, `peerd subscribe`, `peerd watch`: the connection to the daemon was lost; the command waits for it to be back. */
export interface LostJson {
  event: 'lost';
  error: ErrorJson;
  /** How many requests were in hand. They end disconnected. */
  inFlight: number;
}

/** `peerd reply`, `peerd routes` with --watch, `peerd subscribe`, `peerd watch`: the daemon is back, and all goes on. */
export interface RestoredJson {
  event: 'restored';
  daemon: string;
  awayMs: number;
  /** Messages; null when nobody can know, as the daemon was not there. */
  missed: number | null;
}

/** `peerd reply`: first this, once. */
export interface ReplyReadyJson {
  event: 'ready';
  /** The name of the daemon. */
  daemon: string;
  services: string[];
}

/** `peerd reply`: a request has come. */
export interface ReplyAskedJson {
  event: 'asked';
  /** The number of the request, from 1. */
  request: number;
  service: string;
  peer: string;
  /** What that peer calls itself. */
  peerName: string | null;
  bytes: number;
}

/** `peerd reply`: it is answered. */
export interface ReplyAnsweredJson {
  event: 'answered';
  request: number;
  bytes: number;
  ms: number;
}

/** `peerd reply`: it was refused, or its caller has left. */
export interface ReplyFailedJson {
  event: 'failed';
  request: number;
  error: ErrorJson;
  ms: number;
}

/** `peerd broadcast`: one object. */
export interface BroadcastJson {
  topic: string;
  /** The number of peers that it was sent to; each passes it on. */
  peers: number;
}

/** `peerd subscribe`: first this, once. */
export interface SubscribedJson {
  event: 'subscribed';
  topics: string[];
}

/** `peerd subscribe`: one for each message. */
export interface MessageJson {
  event: 'message';
  topic: string;
  /** The id of the peer that signed it. */
  from: string;
  /** The message when it is UTF-8 text. There is always one of this and payloadBase64. */
  payload?: string;
  payloadBase64?: string;
  /** Messages that were lost before this one; null when that is not known. */
  missed: number | null;
}
