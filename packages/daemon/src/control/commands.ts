import { defaults, PeerdError, type PeerRef } from '@peerd/protocol';
import {
  accessMessage,
  accessOf,
  type ClientFrame,
  faultOf,
  SendWindow,
  type ServerBody,
} from '@peerd/protocol/control';
import { untouchedBytes } from '../heap.ts';
import type { Call } from './call.ts';
import { Feed, type Listener } from './feed.ts';
import { sendLogs } from './logs.ts';

type Body = ClientFrame['body'];
type Value<Case> = Extract<Body, { case: Case }> extends { value: infer V } ? V : never;
type Command<Case> = (call: Call, value: Value<Case>) => Promise<void>;
type CommandCase =
  | 'request'
  | 'broadcast'
  | 'subscribe'
  | 'handle'
  | 'peers'
  | 'connect'
  | 'disconnect'
  | 'status'
  | 'topics'
  | 'routes'
  | 'services'
  | 'top'
  | 'watch'
  | 'ping'
  | 'trace'
  | 'logs'
  | 'reload'
  | 'ticket'
  | 'stop';

/** Each runs until its call is over; what it throws is the call's fault. */
const commands: { [Case in CommandCase]: Command<Case> } = {
  /** For a stream of answers; a request for one is a `RequestCall`. */
  async request(call, { peer, service, payload, idempotent, wantPath, timeoutMs }) {
    const options = {
      service,
      timeoutMs: timeoutMs ?? defaults.requestTimeoutMs,
      idempotent,
      signal: call.signal,
      ...(wantPath ? { onPath: (path: readonly PeerRef[]) => call.send(pathFrame(path)) } : {}),
    };
    const window = new SendWindow();
    call.window = window;
    call.signal.addEventListener('abort', () => window.close(), { once: true });
    for await (const answer of call.node.client.requestStream(peer, payload, options)) {
      await window.room();
      await call.room();
      window.sent(answer);
      call.send({ case: 'answer', value: { payload: answer } });
    }
    call.send({ case: 'done', value: {} });
  },

  async broadcast(call, { topic, payload, allowNone, timeoutMs = defaults.broadcastTimeoutMs }) {
    const { signal } = call;
    const { peers } = await call.node.client.broadcast(topic, payload, { timeoutMs, allowNone, signal });
    call.send({ case: 'sent', value: { peers } });
  },

  async subscribe(call, { topics, maxQueued = defaults.maxQueuedMessages, lease, heard }) {
    const { client, feeds } = call.node;
    const known = feeds.find(lease);
    const feed = known ?? new Feed(lease, await client.subscribe(topics, { maxQueued }));
    if (known === undefined && call.signal.aborted) {
      // The client may be back already, and hold the lease by another feed.
      await feed.close();
      throw call.signal.reason;
    }
    if (known === undefined) feeds.add(feed);
    const listener: Listener = {
      send: ({ topic, from, payload, missed = 0 }) =>
        call.send({ case: 'message', value: { topic, from, payload, missed } }),
      room: () => call.room(),
    };
    const missed = known === undefined || heard === undefined ? -1 : known.position - Number(heard);
    if (missed < 0) feed.countAnew();
    call.send({ case: 'done', value: missed < 0 ? {} : { missed: Math.min(missed, 0xffff_ffff) } });
    await Promise.race([feed.listen(listener), aborted(call.signal)]);
    // Not when the client has come back for it on another connection.
    if (feed.leave(listener)) {
      if (call.isLost() && lease !== '') feeds.linger(feed);
      else await feed.close();
    }
    call.send({ case: 'done', value: {} });
  },

  async handle(call, { service, access, concurrency = defaults.handlerConcurrency }) {
    const { client } = call.node;
    const registration = await client.serve(service, (inbound) => call.inbound.pass(call.id, inbound), {
      access: accessOf(access),
      concurrency,
      signal: call.signal,
    });
    call.send({ case: 'done', value: {} });
    await aborted(call.signal);
    await registration.close();
    call.send({ case: 'done', value: {} });
  },

  async peers(call) {
    const peers = await call.node.client.peers({ signal: call.signal });
    const value = { peers: peers.map((peer) => ({ ...peer, addresses: [...peer.addresses] })) };
    call.send({ case: 'peers', value });
  },

  async connect(call, { peer, timeoutMs = defaults.connectTimeoutMs }) {
    const value = await call.node.client.connect(peer, { timeoutMs, signal: call.signal });
    call.send({ case: 'connected', value });
  },

  async disconnect(call, { peer }) {
    const connections = await call.node.client.disconnect(peer, { signal: call.signal });
    call.send({ case: 'disconnected', value: { connections } });
  },

  async services(call) {
    const services = await call.node.client.services({ signal: call.signal });
    const value = { services: services.map((each) => ({ ...each, access: accessMessage(each.access) })) };
    call.send({ case: 'services', value });
  },

  async top(call) {
    const top = await call.node.client.top({ signal: call.signal });
    const { clients, queues } = call.node.load();
    const { outbound, inbound, bytesInFlight } = top.calls;
    const externalBytes = Math.max(0, top.memory.externalBytes - untouchedBytes());
    const value = {
      ...top,
      memory: { ...top.memory, externalBytes },
      outboundCalls: outbound,
      inboundCalls: inbound,
      bytesInFlight,
      queues: [...top.queues, ...queues],
      clients: [...clients],
      counters: [...top.counters],
    };
    call.send({ case: 'top', value });
  },

  async watch(call) {
    const watch = await call.node.client.watch({ signal: call.signal });
    call.send({ case: 'done', value: {} });
    for await (const { missed = 0, ...event } of watch) {
      // While the client doesn't read, events wait in the watcher's own bounded queue.
      await call.room();
      if (call.signal.aborted) break;
      call.send({ case: 'event', value: { ...event, missed } });
    }
    call.send({ case: 'done', value: {} });
  },

  async topics(call) {
    const topics = await call.node.client.topics({ signal: call.signal });
    call.send({ case: 'topics', value: { topics } });
  },

  async routes(call) {
    const routes = await call.node.client.routes({ signal: call.signal });
    call.send({ case: 'routes', value: { routes } });
  },

  async status(call) {
    const { peers, routing, unreached, ...rest } = await call.node.client.status({ signal: call.signal });
    const value = {
      ...rest,
      addresses: [...rest.addresses],
      topics: [...rest.topics],
      services: [...rest.services],
      unreached: unreached.map((peer) => ({ ...peer, error: peer.error && faultOf(peer.error) })),
      routingStrategy: routing.strategy,
      routingForward: routing.forward,
      knownPeers: peers.known,
      connectedPeers: peers.connected,
      routedPeers: peers.routed,
    };
    call.send({ case: 'status', value });
  },

  async ping(call, { peer, timeoutMs = defaults.pingTimeoutMs }) {
    const pong = await call.node.client.ping(peer, { timeoutMs, signal: call.signal });
    call.send({ case: 'pong', value: pong });
  },

  async trace(call, { peer, timeoutMs = defaults.traceTimeoutMs }) {
    const trace = await call.node.client.trace(peer, { timeoutMs, signal: call.signal });
    call.send({ case: 'trace', value: { ...trace, hops: [...trace.hops] } });
  },

  async logs(call, request) {
    await sendLogs(call, call.node.daemon.records, request);
  },

  async ticket(call, options) {
    call.send({ case: 'ticket', value: await call.node.daemon.ticket(options) });
  },

  async reload(call) {
    const { changed, restart, warnings } = await call.node.daemon.reload();
    const value = { changed: [...changed], restart: [...restart], warnings: [...warnings] };
    call.send({ case: 'reloaded', value });
  },

  async stop(call) {
    call.send({ case: 'done', value: {} });
    call.node.daemon.stop();
  },
};

export function pathFrame(path: readonly PeerRef[]): Extract<ServerBody, { case: 'path' }> {
  return { case: 'path', value: { peers: [...path] } };
}

export async function runCommand(call: Call, body: Body): Promise<void> {
  if (body.case === undefined || !Object.hasOwn(commands, body.case))
    throw new PeerdError(
      'invalid',
      `this daemon does not know the command ${body.case ?? 'in that frame'}: it may be older than the client`,
    );
  const command = commands[body.case as CommandCase] as (call: Call, value: unknown) => Promise<void>;
  await command(call, body.value);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
