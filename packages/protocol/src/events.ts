import type { ErrorCode } from './errors.ts';

/** What happens in the life of a node. */
export type NodeLife =
  /** There is a connection that may be used. */
  | {
      readonly type: 'peer-connected';
      readonly peer: string;
      /** The name it gives itself; absent if it gave none. */
      readonly name?: string;
      readonly kind: 'peerd' | 'other';
    }
  /** Its last connection is gone. */
  | { readonly type: 'peer-disconnected'; readonly peer: string; readonly name?: string }
  /** One side did not let the other in. */
  | {
      readonly type: 'peer-refused';
      readonly peer: string;
      readonly code: ErrorCode;
      readonly reason: string;
    }
  /** It can be reached, directly or over others, or has another name than before; it can't be reached any more. */
  | {
      readonly type: 'route-found' | 'route-lost';
      readonly peer: string;
      /** Its own word for its name. */
      readonly name: string;
    }
  /** The first handler of a service is there, the last one gone. */
  | { readonly type: 'service-added' | 'service-removed'; readonly service: string }
  /** The first subscription to a topic is there, the last one gone. */
  | { readonly type: 'topic-joined' | 'topic-left'; readonly topic: string }
  /** A queue or quota was too full: it refuses, or drops. Told once in 10 s for each. */
  | {
      readonly type: 'overload';
      /** As `top` has it. */
      readonly queue: string;
      readonly unit: 'items' | 'bytes';
      readonly limit: number;
      /** Times since the start. */
      readonly refused: number;
    };

export type NodeEvent = NodeLife & {
  /** In ms since 1970. */
  readonly at: number;
  /**
   * Events that this watcher lost between the one before and this one, because it did not take them. `undefined`: the
   * connection to the daemon was gone in between, and how many is not known.
   */
  readonly missed: number | undefined;
};

export interface Watch extends AsyncIterable<NodeEvent>, AsyncDisposable {
  /** Ends the iteration. */
  close(): Promise<void>;
}
