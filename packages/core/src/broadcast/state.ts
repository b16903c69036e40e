import { PeerdError, type TopicInfo } from '@peerd/protocol';
import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import { Quota } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { Limits } from '../config.ts';
import { SUBSCRIBED_SERVICE } from '../internal-services.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import type { BroadcastCommand, BroadcastInput, BroadcastOutput } from './messages.ts';
import { Questions } from './questions.ts';
import {
  MAX_HELD_BYTES,
  MAX_PUBLISHING,
  MAX_SUBSCRIPTIONS,
  MAX_TOPICS,
  MAX_WAITING,
  OVERFLOW_QUEUE,
  outboundBytes,
  quotasOf,
} from './quotas.ts';

/** Longest name of a topic, in UTF-16 units. */
export const MAX_TOPIC_LENGTH = 200;

/** How long a subscriber waits for its neighbours to have heard; one that is slower may miss the first message. */
export const SUBSCRIBED_TIMEOUT_MS = 2_000;

/** Pause before a broadcast that reached nobody is sent again, as long as there is somebody to reach. */
const RETRY_MS = 100;

type Publish = Extract<BroadcastCommand, { type: 'broadcast' }> & {
  readonly deadlineMs: number;
  deadline: Deadline<Publish> | undefined;
};

interface Joining {
  readonly responder: Responder<void>;
  left: number;
}

const none = new Uint8Array(0);
const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() };

/**
 * Topics: who here hears which, which neighbours hear which, and the broadcasts that wait for the first of
 * them. Signing, forwarding and the suppression of duplicates are GossipSub's.
 */
export class BroadcastState implements Feature<BroadcastInput> {
  readonly handlers: Handlers<BroadcastInput>;
  readonly #context: Context<BroadcastOutput>;
  readonly #limits: Limits;
  readonly #makeRef: () => number;
  /** Our subscriptions, by topic. */
  readonly #topics = new Map<string, Set<number>>();
  readonly #topicsOf = new Map<number, readonly string[]>();
  /** Topics whose last subscription ended in this turn: one that begins in it takes the place. */
  readonly #leaving = new Set<string>();
  /** Neighbours, by topic. */
  readonly #subscribers = new Map<string, Set<string>>();
  /** Connected peers that speak our protocols. */
  readonly #peers = new Set<string>();
  readonly #waiting = new Map<string, Set<Publish>>();
  readonly #waitingByRef = new Map<number, Publish>();
  readonly #publishing = new Map<number, Publish>();
  readonly #deadlines = new Deadlines<Publish>();
  #lastPublish = 0;
  /** Payloads of those that wait and those that are being sent. */
  #heldBytes = 0;
  /** Subscriptions that wait for neighbours, by the ref of each question we asked. */
  readonly #joining = new Map<number, Joining>();
  readonly #questions = new Questions();

  readonly #quota = quotasOf({
    topics: () => this.#topics.size,
    subscriptions: () => this.#topicsOf.size,
    waiting: () => this.#waitingByRef.size,
    publishing: () => this.#publishing.size,
    heldBytes: () => this.#heldBytes,
  });
  readonly quotas: readonly Quota[] = Object.values(this.#quota);
  /** It only tells: how full it is the driver knows. */
  readonly #overflow = new Quota(
    OVERFLOW_QUEUE,
    'bytes',
    () => outboundBytes(this.#limits.maxPayloadBytes),
    () => 0,
  );

  /** `makeRef` makes references that no command has. */
  constructor(context: Context<BroadcastOutput>, limits: Limits, makeRef: () => number) {
    this.#context = context;
    this.#limits = limits;
    this.#makeRef = makeRef;
    this.handlers = {
      broadcast: (command) =>
        this.#broadcast({ ...command, deadlineMs: context.nowMs + command.timeoutMs, deadline: undefined }),
      'broadcast/cancel': ({ ref }) => {
        const publish = this.#waitingByRef.get(ref);
        if (publish === undefined) return;
        this.#stopWaiting(publish);
        this.#letGo(publish);
        this.#fail(publish.responder, 'stopped', 'the broadcast was called off');
      },
      topics: ({ responder }) => context.emit({ type: 'settle', responder, value: this.#list() }),
      subscribe: ({ ref, topics, responder }) => this.#subscribe(ref, topics, responder),
      unsubscribe: ({ ref, responder }) => {
        for (const topic of this.#topicsOf.get(ref) ?? []) this.#leave(topic, ref);
        this.#topicsOf.delete(ref);
        context.emit({ type: 'settle', responder, value: undefined });
      },
      'client/closed': () => {
        for (const publish of [...this.#waiting.values()].flatMap((waiters) => [...waiters])) {
          this.#stopWaiting(publish);
          this.#letGo(publish);
          this.#fail(publish.responder, 'stopped', 'the client was closed');
        }
      },
      'gossip/message': ({ topic, from, payload }) => {
        const subscriptions = this.#topics.get(topic);
        if (subscriptions !== undefined)
          context.emit({
            type: 'broadcast/deliver',
            subscriptions: [...subscriptions],
            topic,
            from,
            payload,
          });
      },
      'gossip/peer': ({ topic, peer, isSubscribed }) => {
        if (isSubscribed) this.#joined(topic, peer);
        else this.#left(topic, peer);
      },
      'gossip/overflow': () => this.#overflow.refuse(context),
      'gossip/published': ({ publish, peers }) => {
        const waiter = this.#publishing.get(publish);
        if (waiter === undefined) return;
        this.#publishing.delete(publish);
        if (peers === 0 && !waiter.allowNone) return this.#wait(waiter);
        this.#letGo(waiter);
        context.emit({ type: 'settle', responder: waiter.responder, value: { peers } });
      },
      'gossip/publish-failed': ({ publish, message }) => {
        const waiter = this.#publishing.get(publish);
        if (waiter === undefined) return;
        this.#publishing.delete(publish);
        this.#letGo(waiter);
        const error = new PeerdError('internal', message);
        context.emit({ type: 'fail', responder: waiter.responder, error });
      },
      'request/internal-inbound': ({ key, peer, service, payload }) => {
        if (service === SUBSCRIBED_SERVICE) this.#asked(key, peer, utf8.decode.decode(payload));
      },
      'request/internal-settled': ({ ref }) => {
        const joining = this.#joining.get(ref);
        if (joining === undefined) return;
        this.#joining.delete(ref);
        joining.left -= 1;
        if (joining.left === 0)
          context.emit({ type: 'settle', responder: joining.responder, value: undefined });
      },
      'peer/admitted': ({ peer, kind }) => {
        if (kind === 'peerd') this.#peers.add(peer);
      },
      'peer/disconnected': ({ peer }) => {
        this.#peers.delete(peer);
        for (const topic of [...this.#subscribers.keys()]) this.#left(topic, peer);
      },
      tick: () => {
        this.#deadlines.expire(context.nowMs, (publish) => this.#expired(publish));
        this.#questions.expire(context.nowMs, ({ key, topic }) => {
          const reason = `no subscription to ${topic} was seen`;
          context.emit({ type: 'request/refuse', key, code: 'timeout', reason });
        });
      },
    };
  }

  get nextTickMs(): number {
    return Math.min(this.#deadlines.nextMs, this.#questions.nextMs);
  }

  /** Topics with a subscription here. */
  get topics(): string[] {
    return [...this.#topics.keys()].sort();
  }

  #list(): TopicInfo[] {
    return [...new Set([...this.#topics.keys(), ...this.#subscribers.keys()])].sort().map((topic) => ({
      topic,
      subscriptions: this.#topics.get(topic)?.size ?? 0,
      peers: this.#subscribers.get(topic)?.size ?? 0,
    }));
  }

  flush(): boolean {
    for (const topic of this.#leaving) this.#context.emit({ type: 'gossip/leave', topic });
    this.#leaving.clear();
    return false;
  }

  stop(): void {
    const error = new PeerdError('stopped', 'the server was stopped');
    for (const waiters of this.#waiting.values())
      for (const { responder } of waiters) this.#context.emit({ type: 'fail', responder, error });
    for (const { responder } of this.#publishing.values())
      this.#context.emit({ type: 'fail', responder, error });
    for (const { responder } of new Set(this.#joining.values()))
      this.#context.emit({ type: 'fail', responder, error });
  }

  snapshot(): unknown {
    const plain = <T>(map: Map<string, Set<T>>) => [...map].map(([key, values]) => [key, [...values]]);
    return {
      topics: plain(this.#topics),
      leaving: [...this.#leaving],
      subscribers: plain(this.#subscribers),
      peers: [...this.#peers],
      waiting: [...this.#waiting].map(([topic, waiters]) => [topic, waiters.size]),
      publishing: [...this.#publishing.keys()],
      heldBytes: this.#heldBytes,
      joining: [...this.#joining].map(([ref, { left }]) => [ref, left]),
      questions: this.#questions.snapshot(),
    };
  }

  #broadcast(publish: Publish): void {
    const { topic, payload, responder } = publish;
    const flaw = flawOf(topic);
    const size = payload.length;
    if (flaw !== undefined) this.#fail(responder, 'invalid', flaw);
    else if (size > this.#limits.maxPayloadBytes)
      this.#fail(
        responder,
        'too-large',
        `the broadcast is ${size} bytes, over the limit of ${this.#limits.maxPayloadBytes}`,
      );
    else if (this.#publishing.size >= MAX_PUBLISHING)
      this.#refuse(
        this.#quota.publishing,
        responder,
        `${MAX_PUBLISHING} broadcasts are being signed and sent`,
      );
    else if (this.#heldBytes > 0 && this.#heldBytes + size > MAX_HELD_BYTES)
      this.#refuse(this.#quota.heldBytes, responder, `${this.#heldBytes} bytes wait to be broadcast`);
    else if (publish.allowNone || (this.#subscribers.get(topic)?.size ?? 0) > 0) this.#take(publish, true);
    else if (this.#waitingByRef.size >= MAX_WAITING)
      this.#refuse(this.#quota.waiting, responder, `${MAX_WAITING} broadcasts wait for a subscriber`);
    else this.#take(publish, false);
  }

  #take(publish: Publish, isHeard: boolean): void {
    this.#heldBytes += publish.payload.length;
    if (isHeard) this.#publish(publish);
    else this.#wait(publish);
  }

  /** It is settled: whether it was sent or not. */
  #letGo({ payload }: Publish): void {
    this.#heldBytes -= payload.length;
  }

  #publish(publish: Publish): void {
    this.#stopWaiting(publish);
    this.#lastPublish += 1;
    this.#publishing.set(this.#lastPublish, publish);
    const { topic, payload } = publish;
    this.#context.emit({ type: 'gossip/publish', publish: this.#lastPublish, topic, payload });
  }

  #wait(publish: Publish): void {
    // It was sent to nobody although somebody has subscribed: GossipSub is still opening its stream to them.
    const isRetry = (this.#subscribers.get(publish.topic)?.size ?? 0) > 0;
    const retryMs = isRetry ? this.#context.nowMs + RETRY_MS : Number.POSITIVE_INFINITY;
    publish.deadline = this.#deadlines.add(publish, Math.min(publish.deadlineMs, retryMs));
    const waiters = this.#waiting.get(publish.topic) ?? new Set();
    this.#waiting.set(publish.topic, waiters.add(publish));
    this.#waitingByRef.set(publish.ref, publish);
  }

  #stopWaiting(publish: Publish): boolean {
    const waiters = this.#waiting.get(publish.topic);
    if (waiters?.delete(publish) !== true) return false;
    this.#waitingByRef.delete(publish.ref);
    if (waiters.size === 0) this.#waiting.delete(publish.topic);
    this.#deadlines.remove(publish.deadline);
    return true;
  }

  #expired(publish: Publish): void {
    if (!this.#stopWaiting(publish)) return;
    if (this.#context.nowMs < publish.deadlineMs) return this.#publish(publish);
    this.#letGo(publish);
    const { topic, timeoutMs, responder } = publish;
    this.#fail(responder, 'no-peers', `nobody subscribed to ${topic} within ${timeoutMs} ms`);
  }

  #subscribe(ref: number, topics: readonly string[], responder: Responder<void>): void {
    const flaw =
      topics.length === 0
        ? 'name at least one topic'
        : topics.map(flawOf).find((found) => found !== undefined);
    if (flaw !== undefined) return this.#fail(responder, 'invalid', flaw);
    const added = topics.filter((topic) => !this.#topics.has(topic));
    if (this.#topics.size + added.length > MAX_TOPICS)
      return this.#refuse(
        this.#quota.topics,
        responder,
        `this node is subscribed to ${MAX_TOPICS} topics, which is the limit`,
      );
    if (this.#topicsOf.size >= MAX_SUBSCRIPTIONS)
      return this.#refuse(
        this.#quota.subscriptions,
        responder,
        `this node has ${MAX_SUBSCRIPTIONS} subscriptions, which is the limit`,
      );
    this.#topicsOf.set(ref, topics);
    for (const topic of topics) {
      const subscriptions = this.#topics.get(topic) ?? new Set();
      this.#topics.set(topic, subscriptions.add(ref));
    }
    for (const topic of added)
      if (!this.#leaving.delete(topic))
        this.#context.emit({ type: 'gossip/join', topic, peers: [...this.#peers] });
    if (this.#peers.size === 0) return this.#context.emit({ type: 'settle', responder, value: undefined });
    const joining: Joining = { responder, left: this.#peers.size * topics.length };
    for (const topic of topics) {
      const payload = utf8.encode.encode(topic);
      for (const peer of this.#peers) {
        const question = this.#makeRef();
        this.#joining.set(question, joining);
        const timeoutMs = SUBSCRIBED_TIMEOUT_MS;
        this.#context.emit({
          type: 'request/internal',
          ref: question,
          peer,
          service: SUBSCRIBED_SERVICE,
          payload,
          timeoutMs,
        });
      }
    }
  }

  #leave(topic: string, ref: number): void {
    const subscriptions = this.#topics.get(topic);
    if (subscriptions?.delete(ref) !== true || subscriptions.size > 0) return;
    this.#topics.delete(topic);
    this.#leaving.add(topic);
  }

  #joined(topic: string, peer: string): void {
    const subscribers = this.#subscribers.get(topic) ?? new Set();
    this.#subscribers.set(topic, subscribers.add(peer));
    for (const { key } of this.#questions.take(topic, peer)) this.#answer(key);
    for (const publish of [...(this.#waiting.get(topic) ?? [])]) this.#publish(publish);
  }

  #left(topic: string, peer: string): void {
    const subscribers = this.#subscribers.get(topic);
    subscribers?.delete(peer);
    if (subscribers?.size === 0) this.#subscribers.delete(topic);
  }

  /** A neighbour wants to know when we have heard of its subscription. */
  #asked(key: number, peer: string, topic: string): void {
    const flaw = flawOf(topic);
    if (flaw !== undefined)
      return this.#context.emit({ type: 'request/refuse', key, code: 'invalid', reason: flaw });
    if (this.#subscribers.get(topic)?.has(peer)) return this.#answer(key);
    this.#questions.add({ key, peer, topic }, this.#context.nowMs + SUBSCRIBED_TIMEOUT_MS);
  }

  #answer(key: number): void {
    this.#context.emit({ type: 'request/answer', key, payload: none, end: true });
  }

  #refuse(quota: Quota, responder: Publish['responder'] | Responder<void>, message: string): void {
    quota.refuse(this.#context);
    this.#fail(responder, 'busy', message);
  }

  #fail(
    responder: Publish['responder'] | Responder<void>,
    code: 'invalid' | 'too-large' | 'busy' | 'no-peers' | 'stopped',
    message: string,
  ): void {
    this.#context.emit({ type: 'fail', responder, error: new PeerdError(code, message) });
  }
}

function flawOf(topic: string): string | undefined {
  if (topic === '') return 'a topic needs a name';
  if (topic.length > MAX_TOPIC_LENGTH) return `the topic's name is over ${MAX_TOPIC_LENGTH} characters`;
  return undefined;
}
