/** Queues that the loop and the control socket share; no promise is made for them. */

export { Ring } from './ring.ts';
export { ShortestFirst } from './shortest-first.ts';
