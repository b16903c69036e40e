// What is printed with `--json` of keys and tickets.

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
