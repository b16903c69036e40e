// What the program itself prints with `--json`, whatever it was asked. Here and in the files beside this one are the
// command line's own types, apart from the SDK's, so that a script keeps working when those change. Keys are added, never
// renamed or removed; what is not known is null; times are in ms, to the microsecond. docs/reference/cli.md shows these
// declarations, and a test holds what the commands print to them.

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

/** `peerd completion`: one object. */
export interface CompletionJson {
  shell: 'bash' | 'zsh' | 'fish';
  script: string;
}

/** `peerd demo`: one object for each thing that was seen. */
export interface DemoStepJson {
  event: 'start' | 'known' | 'linked' | 'request' | 'response' | 'broadcast' | 'cut' | 'kill' | 'gone';
  step: number;
  text: string;
  /** Of the daemon, with the event start. */
  pid?: number;
  /** Of the mesh, with the event response: the nodes that the request passed, from the one that asked to the one that answered. */
  path?: number[];
  /** From the question, or from the cut before it, to the answer. */
  ms?: number;
}

/** `peerd demo`: the last, when all was seen. */
export interface DemoDoneJson {
  event: 'done';
}
