// What a client can ask of the process around the node.

/** What became of a configuration that was read again. */
export interface ReloadResult {
  /** Keys whose new value is in force. */
  readonly changed: readonly string[];
  /** Keys whose new value needs a restart of the daemon. */
  readonly restart: readonly string[];
  /** What is not well though it works. */
  readonly warnings: readonly string[];
}

export interface TicketOptions {
  /** Multiaddrs of the daemon to put into the ticket. Default: those that it listens on and others can use. */
  addresses?: readonly string[] | undefined;
  /** The network's secret too, if it has one: who has the ticket can then join. Default: false. */
  withSecret?: boolean | undefined;
}

export interface JoinTicket {
  /** One word: what `peerd start --ticket` takes. */
  readonly ticket: string;
  /** What is in it. */
  readonly addresses: readonly string[];
  readonly hasSecret: boolean;
  /** Nobody on another machine can use it. */
  readonly loopbackOnly: boolean;
}
