/** What tests and benchmarks of the loop need, and nobody else: no promise is made for it. */
export { Inbox } from './channel/inbox.ts';
export { InProcessClient } from './client.ts';
export { MessageQueue } from './broadcast/queue.ts';
export { NodeCore, type CoreConfig } from './server/core.ts';
export { type Command, type Event, type Output, payloadBytes } from './server/messages.ts';
export { type Clock, ServerLoop } from './server/server.ts';
export { defaultLimits } from './settings.ts';
