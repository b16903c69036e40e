// What `--json` prints: the command line's own types, apart from the SDK's, so that a script keeps working when those
// change. Keys are added, never renamed or removed; what is not known is null; times are in ms, to the microsecond.
// docs/reference/cli.md shows these declarations, and a test holds what the commands print to them.

/** Every command, when it fails: one object, after which nothing comes. */
export interface FailureJson {
  error: ErrorJson;
}

export interface ErrorJson {
  /** One of docs/reference/errors.md, which has the exit status of each. */
  code: string;
  message: string;
  /** What something ambiguous could have meant. */
  candidates?: string[];
}

/** `peerd --version`: one object. */
export interface VersionJson {
  version: string;
}

/** `peerd start`: first this, once the daemon can be used. */
export interface StartedJson {
  event: 'started';
  id: string;
  name: string;
  network: string;
  version: string;
  /** Multiaddrs, each with its /p2p/ part. */
  addresses: string[];
  /** The paths of the control socket and of the data directory. */
  socket: string;
  data: string;
  pid: number;
}

/** `peerd start`: the last, when it has stopped as it was told to. */
export interface StoppedJson {
  event: 'stopped';
}

/** `peerd request`: one object. */
export interface RequestJson {
  /** The peer as it was given. */
  peer: string;
  /** Who that is, as far as the daemon's table tells. */
  peerId: string | null;
  peerName: string | null;
  /** '' is the service without a name. */
  service: string;
  /** The answer when it is UTF-8 text. There is always one of this and payloadBase64. */
  payload?: string;
  payloadBase64?: string;
  /** From the call to its answer. */
  ms: number;
}

/** `peerd reply`, `peerd subscribe`, `peerd watch`: the connection to the daemon was lost; the command waits for it to be back. */
export interface LostJson {
  event: 'lost';
  error: ErrorJson;
  /** How many requests were in hand. They end disconnected. */
  inFlight: number;
}

/** `peerd reply`, `peerd subscribe`, `peerd watch`: the daemon is back, and all goes on. */
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
  /** Messages that were lost before this one. */
  /** Before this one; null when that is not known. */
  missed: number | null;
}

/** `peerd status`: one object. */
export interface StatusJson {
  id: string;
  name: string;
  network: string;
  version: string;
  /** Multiaddrs, each with its /p2p/ part. */
  addresses: string[];
  peers: PeerCountsJson;
  topics: string[];
  services: string[];
  pid: number;
  /** The paths of the control socket, the data directory and the configuration file; null: it has read none. */
  socket: string;
  data: string;
  config: string | null;
  uptimeMs: number;
}

export interface PeerCountsJson {
  known: number;
  connected: number;
  /** Those of the configuration that there is no connection to: `peerd peers` has them. */
  unreached: number;
}

/** `peerd peers`: one object a peer, connected ones first. */
export interface PeerJson {
  /** Null: one of the configuration that was never reached, whose address has no /p2p/ part. */
  id: string | null;
  name: string | null;
  connected: boolean;
  kind: 'peerd' | 'other' | 'unknown';
  /** Whether it is in the table of the DHT. */
  inDht: boolean;
  addresses: string[];
  /** Of a peer of the configuration that there is no connection to. */
  unreached: UnreachedJson | null;
}

export interface UnreachedJson {
  /** As it is configured. */
  address: string;
  /** Why it was not reached the last time; null: it was not tried yet, or there was a connection that has ended. */
  error: ErrorJson | null;
  /** Time until it is dialled again; null: it is being dialled. */
  nextDialMs: number | null;
}

/** `peerd topics`: one object a topic. */
export interface TopicJson {
  topic: string;
  /** Of programs on this daemon. */
  subscriptions: number;
  /** Connected peers that hear it. */
  peers: number;
}

/** `peerd services`: one object a service. */
export interface ServiceJson {
  /** '' is the service without a name. */
  service: string;
  /** In all programs on this daemon. */
  handlers: number;
  /** Everybody who may connect, nobody, or the peers with these ids, sorted. */
  access: 'open' | 'nobody' | string[];
  /** Requests that handlers have in hand. */
  inFlight: number;
  /** Requests that wait for a handler to be free. */
  waiting: number;
}

/** `peerd watch`: first this, once. */
export interface WatchingJson {
  event: 'watching';
  daemon: string;
}

/** `peerd watch`: there is a connection to a peer, or the last one is gone. */
export interface WatchPeerJson {
  event: 'peer-connected' | 'peer-disconnected';
  /** Its id. */
  peer: string;
  name: string | null;
  /** Since 1970. */
  timeMs: number;
  /** Events that were lost before this one; null when nobody can know. */
  missed: number | null;
}

/** `peerd watch`: one side did not let the other in. */
export interface WatchRefusedJson {
  event: 'peer-refused';
  peer: string;
  error: ErrorJson;
  timeMs: number;
  missed: number | null;
}

/** `peerd watch`: a service has its first handler, or has lost its last. */
export interface WatchServiceJson {
  event: 'service-added' | 'service-removed';
  service: string;
  timeMs: number;
  missed: number | null;
}

/** `peerd watch`: a topic has its first subscription here, or has lost its last. */
export interface WatchTopicJson {
  event: 'topic-joined' | 'topic-left';
  topic: string;
  timeMs: number;
  missed: number | null;
}

/** `peerd watch`: a queue was too full. Told once in 10 s for each. */
export interface WatchOverloadJson {
  event: 'overload';
  /** As in `top`. */
  queue: string;
  unit: 'items' | 'bytes';
  limit: number;
  /** Times since the start. */
  refused: number;
  timeMs: number;
  missed: number | null;
}

/** `peerd connect`: one object. */
export interface ConnectJson {
  /** Its id. */
  peer: string;
  name: string | null;
  /** Where it listens, as far as is known. */
  address: string | null;
}

/** `peerd disconnect`: one object. */
export interface DisconnectJson {
  /** The peer as it was given. */
  peer: string;
  /** How many were closed. */
  connections: number;
}

/** `peerd stop`: one object, when the daemon is gone. */
export interface StopJson {
  /** Its name. */
  daemon: string;
  id: string;
}

/** `peerd ping`: one object. */
export interface PingJson {
  /** Its id. */
  peer: string;
  rttMs: number;
}

/** `peerd logs`: one object a record, oldest first. */
export interface LogRecordJson {
  /** Unix time. */
  timeMs: number;
  level: 'debug' | 'info' | 'warn' | 'error';
  /** What it is about: a key of log_levels. */
  area: string;
  message: string;
  /** An object with what else is known; which names there are may change. */
  fields: unknown;
  /** Records that were dropped before it because this command was slow. */
  missed: number;
}

/** `peerd config check`: one object. What is wrong is told by the error instead. */
export interface ConfigCheckJson {
  ok: boolean;
  /** The file that was read. */
  file: string | null;
  warnings: string[];
}

/** `peerd config show`: one object. */
export interface ConfigShowJson {
  file: string | null;
  values: ConfigValueJson[];
}

export interface ConfigValueJson {
  /** As in the file; a key of a table with the name of that and a dot before it. */
  key: string;
  /** As in the file; null where there is none, or where it is secret. */
  value: unknown;
  /** `default`, FILE:LINE, a variable or a flag. */
  source: string;
  /** True where it is secret; otherwise not there. */
  redacted?: boolean;
}

/** `peerd config reload`: one object. */
export interface ConfigReloadJson {
  /** Keys whose new value is in force. */
  changed: string[];
  /** Keys whose new value needs a restart of the daemon. */
  restart: string[];
  warnings: string[];
}

/** `peerd completion`: one object. */
export interface CompletionJson {
  shell: 'bash' | 'zsh' | 'fish';
  script: string;
}

/** `peerd ticket`: one object. */
export interface TicketJson {
  /** What `peerd start --ticket` takes. */
  ticket: string;
  /** Multiaddrs that are in it, each with its /p2p/ part. */
  addresses: string[];
  hasSecret: boolean;
  /** Nobody on another machine can use it. */
  loopbackOnly: boolean;
}

/** `peerd identity show`: one object. */
export interface IdentityJson {
  id: string;
}

/** `peerd identity export`: one object. */
export interface IdentityExportJson {
  id: string;
  /** The file that it was written to. */
  file: string | null;
  /** The exported identity, when it was not written to a file. */
  identity: string | null;
}

/** `peerd identity import`: one object. */
export interface IdentityImportJson {
  id: string;
  /** Where the key is that was there before. */
  keptAside: string | null;
}

/** `peerd keygen`: one object. */
export interface KeygenJson {
  /** 32 bytes in base58. */
  secret: string;
  /** The id of the peer that has it. */
  id: string;
}

/** `peerd demo`: one object for each thing that was seen. */
export interface DemoStepJson {
  event: 'start' | 'known' | 'request' | 'response' | 'broadcast' | 'kill' | 'gone';
  step: number;
  text: string;
  /** Of the daemon, with the event start. */
  pid?: number;
}

/** `peerd demo`: the last, when all was seen. */
export interface DemoDoneJson {
  event: 'done';
}
