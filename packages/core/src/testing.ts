/** What tests and benchmarks of the loop need, and nobody else: no promise is made for it. */

export { Inbox } from './channel/inbox.ts';
export { InProcessClient } from './client.ts';
export { sessionsSelf } from './ends.ts';
export { EXCHANGE_MS } from './routing/messages.ts';
export { type CoreConfig, NodeCore } from './server/core.ts';
export { type Command, type Event, type Output, payloadBytes } from './server/messages.ts';
export { Recording, replay } from './server/recording.ts';
export { type Clock, ServerLoop } from './server/server.ts';
export { defaultLimits, defaultRouting } from './settings.ts';
export { isConverged, networkOfRouters, type RouterNetwork } from './simulation/router.ts';
export { type Actor, Simulation, type Weather, type World } from './simulation/simulation.ts';
export { Subscriptions } from './subscriptions.ts';
export { Watchers } from './watchers.ts';
