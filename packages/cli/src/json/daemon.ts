// What is printed with `--json` of a daemon: its start and its end, what it is, its log and its configuration.

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
  routing: StatusRoutingJson;
  pid: number;
  /** The paths of the control socket, the data directory and the configuration file; null: it has read none. */
  socket: string;
  data: string;
  config: string | null;
  uptimeMs: number;
}

export interface StatusRoutingJson {
  strategy: 'table' | 'source';
  /** For whom it passes messages on: peers of its network, all, nobody. */
  forward: 'network' | 'all' | 'nobody';
}

export interface PeerCountsJson {
  known: number;
  connected: number;
  /** Those that others lead to, and that there is no connection to: `peerd routes` has them. */
  routed: number;
  /** Those of the configuration that there is no connection to: `peerd peers` has them. */
  unreached: number;
}

/** `peerd stop`: one object, when the daemon is gone. */
export interface StopJson {
  /** Its name. */
  daemon: string;
  id: string;
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
