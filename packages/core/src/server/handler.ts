import type { BroadcastMessage, RequestHandler } from '@peerd/protocol';

/**
 * What a program registers with the server, once, to answer peers and to hear topics. Both are called outside
 * the loop: they may take their time, be async, or throw, and cannot hold the server up.
 */
export interface EventHandler {
  /** Answers a request to any service. See `RequestHandler` for what it may return and throw. */
  handleRequest: RequestHandler;
  /**
   * Hears a broadcast on a subscribed topic. Messages come one at a time, in the order they arrived: the next
   * one waits for the promise. A handler that falls behind misses the oldest; `message.missed` says how many.
   */
  handleBroadcast(message: BroadcastMessage): void | Promise<void>;
}
