import {
  type ForwardPolicy,
  isErrorCode,
  type NodeEvent,
  type NodeLife,
  type NodeStatus,
  type NodeTop,
  type PeerRef,
  type QueueInfo,
  type RouteInfo,
  type RoutingStrategy,
  type TraceResult,
  type UnreachedPeer,
} from '@peerd/protocol';
import { errorOf, type ServerFrame } from '@peerd/protocol/control';

type Value<Case> = Extract<ServerFrame['body'], { case: Case; value: object }>['value'];
type Plain<T> = Omit<T, '$typeName' | '$unknown'>;

export function statusOf(status: Value<'status'>): NodeStatus {
  const { id, name, network, version, addresses, topics, services, uptimeMs } = status;
  const peers = {
    known: status.knownPeers,
    connected: status.connectedPeers,
    routed: status.routedPeers,
  };
  const unreached = status.unreached.map(unreachedOf);
  const routing = {
    strategy: status.routingStrategy as RoutingStrategy,
    forward: status.routingForward as ForwardPolicy,
  };
  return { id, name, network, version, addresses, peers, topics, services, routing, unreached, uptimeMs };
}

function unreachedOf({
  address,
  id,
  error,
  nextDialMs,
}: Value<'status'>['unreached'][number]): UnreachedPeer {
  return {
    address,
    ...(id === undefined ? {} : { id }),
    ...(error === undefined ? {} : { error: errorOf(error) }),
    ...(nextDialMs === undefined ? {} : { nextDialMs }),
  };
}

export function topOf(top: Value<'top'>): NodeTop {
  const { at, uptimeMs, loop, queues, counters, clients, memory } = top;
  const { outboundCalls, inboundCalls, bytesInFlight } = top;
  const none = { rssBytes: 0, heapUsedBytes: 0, heapTotalBytes: 0, externalBytes: 0 };
  const idle = {
    turns: 0,
    inputs: 0,
    events: 0,
    commands: 0,
    commandBytes: 0,
    oldestCommandMs: 0,
    longestWaitMs: 0,
    longestTurnMs: 0,
  };
  return {
    at,
    uptimeMs,
    loop: loop === undefined ? idle : plain(loop),
    queues: queues.map((queue) => ({ ...plain(queue), unit: unitOf(queue.unit) })),
    counters: counters.map(plain),
    calls: { outbound: outboundCalls, inbound: inboundCalls, bytesInFlight },
    clients: clients.map(plain),
    memory: memory === undefined ? none : plain(memory),
  };
}

/** `undefined` for what a newer daemon tells and this client does not know. */
export function eventOf(event: Value<'event'>): NodeEvent | undefined {
  const { at, missed } = event;
  const life = lifeOf(event);
  return life === undefined ? undefined : { ...life, at, missed };
}

function lifeOf(event: Value<'event'>): NodeLife | undefined {
  const { type, peer, name, kind, code, reason, service, topic, queue, unit, limit, refused } = event;
  const named = name === undefined ? {} : { name };
  switch (type) {
    case 'peer-connected':
      return { type, peer, kind: kind === 'peerd' ? kind : 'other', ...named };
    case 'peer-disconnected':
      return { type, peer, ...named };
    case 'peer-refused':
      return { type, peer, code: isErrorCode(code) ? code : 'internal', reason };
    case 'route-found':
    case 'route-lost':
      return { type, peer, name: name ?? '' };
    case 'service-added':
    case 'service-removed':
      return { type, service };
    case 'topic-joined':
    case 'topic-left':
      return { type, topic };
    case 'overload':
      return { type, queue, unit: unitOf(unit), limit, refused };
    default:
      return undefined;
  }
}

function unitOf(unit: string): QueueInfo['unit'] {
  return unit === 'bytes' ? unit : 'items';
}

export function traceOf({ peer, name, hops }: Value<'trace'>): TraceResult {
  return {
    peer,
    ...(name === undefined ? {} : { name }),
    hops: hops.map(({ hop, peer, name, rttMs }) => ({
      hop,
      ...(peer === undefined ? {} : { peer }),
      ...(name === undefined ? {} : { name }),
      ...(rttMs === undefined ? {} : { rttMs }),
    })),
  };
}

export function pathOf({ peers }: Value<'path'>): PeerRef[] {
  return peers.map(({ peer, name }) => (name === undefined ? { peer } : { peer, name }));
}

/** Without what the decoder adds for itself. */
function plain<T extends { $typeName: string; $unknown?: unknown }>(message: T): Plain<T> {
  const { $typeName: _, $unknown: __, ...fields } = message;
  return fields;
}

export function routeOf({
  peer,
  name,
  next,
  nextName,
  distance,
  rule,
  ageMs,
}: Value<'routes'>['routes'][number]): RouteInfo {
  return { peer, name, next, nextName, distance, rule: rule === 'source' ? rule : 'table', ageMs };
}
