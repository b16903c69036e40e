import type { NodeTop } from '@peerd/protocol';
import type { CallHandler } from './direct.ts';
import type { CoreTop } from './server/messages.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Watchers } from './watchers.ts';

/** How handlers of services come to be: refused when the program set an event handler of its own. */
export interface HandlerTable {
  add(registration: number, handler: CallHandler): void;
  /** From here on it gets no more requests. */
  remove(registration: number): void;
}

/** What there is beside the loop for a client to work with. */
export interface Surroundings {
  readonly handlers: HandlerTable;
  readonly subscriptions: Subscriptions;
  readonly watchers: Watchers;
  /** What is known of the node's load outside its state. */
  load(): Pick<NodeTop, 'loop' | 'queues'>;
}

/** What the state tells of `top`, with what is around it. */
export function topWith({ queues, ...core }: CoreTop, around: Surroundings): NodeTop {
  const { subscriptions, watchers } = around;
  const { loop, queues: outside } = around.load();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    at: Date.now(),
    ...core,
    loop,
    queues: [...outside, ...queues, ...subscriptions.load, ...watchers.load],
    clients: [],
    memory: { rssBytes: rss, heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external },
  };
}
