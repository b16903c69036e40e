import { PeerdError, type ServiceInfo } from '@peerd/protocol';
import { Quota } from '../channel/quota.ts';
import { Table } from '../channel/table.ts';
import type { ServiceRules } from '../config.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { type Admitted, accessOf, admits, admittedBy, both } from './access.ts';
import type { ServiceRequest, ServicesCommand, ServicesInput, ServicesOutput } from './messages.ts';
import { EVENT_HANDLER } from './messages.ts';
import { Member, Pool } from './pool.ts';
import { Waiting } from './waiting.ts';

/**
 * Requests of one service that may wait for a handler: twice what one peer may have in flight by default, so that its
 * burst waits and others find room beside it. Their payloads count in the bytes in flight; each takes some 300 bytes
 * besides.
 */
export const MAX_WAITING_PER_SERVICE = 32_768;

/** Registrations on one node, 16 for each client that a daemon takes; each takes some 500 bytes. */
export const MAX_REGISTRATIONS = 16_384;

class Service {
  readonly name: string;
  readonly pool: Pool<Registration> = new Pool();
  readonly waiting: Waiting = new Waiting();
  readonly quota: Quota;

  constructor(name: string) {
    this.name = name;
    this.quota = new Quota(
      `requests waiting for the service ${JSON.stringify(name)}`,
      'items',
      () => MAX_WAITING_PER_SERVICE,
      () => this.waiting.size,
    );
  }
}

class Registration extends Member {
  readonly service: Service;

  constructor(ref: number, service: Service, admitted: Admitted, concurrency: number) {
    super(ref, admitted, concurrency);
    this.service = service;
  }
}

interface Refusal {
  readonly code: 'forbidden' | 'busy' | 'no-handler';
  readonly reason: string;
}

/**
 * Which services have handlers, who may ask them, and which handler gets a request: the one with the fewest in hand.
 * With all of them full it waits here. The handlers themselves are the dispatcher's.
 */
export class ServicesState implements Feature<ServicesInput> {
  readonly handlers: Handlers<ServicesInput>;
  readonly #context: Context<ServicesOutput>;
  readonly #services = new Map<string, Service>();
  readonly #registrations = new Map<number, Registration>();
  /** Who has each request in hand. */
  readonly #running = new Table<Registration>();
  /** Where each request waits. */
  readonly #waitsFor = new Map<number, Service>();
  readonly #quota = new Quota(
    'handlers',
    'items',
    () => MAX_REGISTRATIONS,
    () => this.#registrations.size,
  );
  #rules: Map<string, Admitted>;
  #hasEventHandler = false;

  constructor(context: Context<ServicesOutput>, rules: ServiceRules) {
    this.#context = context;
    this.#rules = rulesOf(rules);
    this.handlers = {
      handle: (command) => this.#handle(command),
      unhandle: ({ ref, responder }) => {
        this.#unhandle(ref);
        context.emit({ type: 'settle', responder, value: undefined });
      },
      services: ({ responder }) => context.emit({ type: 'settle', responder, value: this.#list() }),
      'service/event-handler': () => {
        this.#hasEventHandler = true;
      },
      reconfigure: ({ services }) => {
        this.#rules = rulesOf(services);
        for (const service of this.#services.values()) this.#screen(service);
      },
      'request/dispatch': (request) => this.#assign(request),
      'service/returned': (request) => {
        const registration = this.#running.get(request.key);
        // The caller may have left meanwhile.
        if (registration === undefined) return;
        this.#unhandle(registration.ref);
        this.#done(request.key);
        this.#assign(request);
      },
      'request/abort': ({ key, reason }) => {
        if (this.#leave(key)) return;
        // Not the dispatcher by itself: of a call that came and left at once it would hear the end first.
        context.emit({ type: 'service/abort', key, reason });
        this.#done(key);
      },
      'request/answer': ({ key, end }) => {
        if (end) this.#done(key);
      },
      'request/answer-end': ({ key }) => this.#done(key),
      'request/refuse': ({ key }) => this.#done(key),
    };
  }

  get quotas(): Quota[] {
    return [this.#quota, ...[...this.#services.values()].map(({ quota }) => quota)];
  }

  get names(): string[] {
    return [...this.#services.keys()].sort();
  }

  snapshot(): unknown {
    return {
      rules: [...this.#rules].map(([service, admitted]) => [service, accessOf(admitted)]),
      services: [...this.#services.values()].map(({ name, pool, waiting, quota }) => [
        name,
        [...pool.members].map(({ ref, inHand, concurrency }) => [ref, inHand, concurrency]),
        [...waiting].map(({ key }) => key),
        quota.refused,
      ]),
    };
  }

  #handle({
    ref,
    service: name,
    access,
    concurrency,
    responder,
  }: Extract<ServicesCommand, { type: 'handle' }>): void {
    if (this.#registrations.size >= MAX_REGISTRATIONS) {
      this.#quota.refuse(this.#context);
      const message = `${MAX_REGISTRATIONS} handlers are registered: close some first`;
      this.#context.emit({ type: 'fail', responder, error: new PeerdError('busy', message) });
      return;
    }
    let service = this.#services.get(name);
    if (service === undefined) {
      service = new Service(name);
      this.#services.set(name, service);
      this.#context.emit({ type: 'service/added', service: name });
    }
    const registration = new Registration(ref, service, admittedBy(access), concurrency);
    this.#registrations.set(ref, registration);
    service.pool.add(registration);
    this.#context.emit({ type: 'settle', responder, value: undefined });
    this.#handOver(registration);
  }

  #unhandle(ref: number): void {
    const registration = this.#registrations.get(ref);
    if (registration === undefined) return;
    const { service } = registration;
    this.#registrations.delete(ref);
    service.pool.remove(registration);
    if (service.pool.size === 0) {
      this.#services.delete(service.name);
      this.#context.emit({ type: 'service/removed', service: service.name });
    }
    this.#screen(service);
  }

  /** Refuses those that wait in vain, after who may ask has changed. */
  #screen(service: Service): void {
    for (const { key, peer } of service.waiting) {
      const refusal = this.#refusalOf(service, peer);
      if (refusal === undefined) continue;
      this.#leave(key);
      this.#refuse(key, refusal);
    }
  }

  /** Why a peer can not ask, as things are. */
  #refusalOf({ name, pool }: Service, peer: string): Refusal | undefined {
    if (pool.size === 0) return { code: 'no-handler', reason: '' };
    const rule = this.#rules.get(name);
    if (!admits(rule, peer)) return forbidden(name, peer, rule?.size === 0);
    return pool.admits(peer) ? undefined : forbidden(name, peer, pool.isClosed);
  }

  #assign(request: ServiceRequest): void {
    const { key, peer, service: name } = request;
    if (this.#hasEventHandler) {
      const rule = this.#rules.get(name);
      if (!admits(rule, peer)) this.#refuse(key, forbidden(name, peer, rule?.size === 0));
      else this.#context.emit({ type: 'service/run', registration: EVENT_HANDLER, request });
      return;
    }
    const service = this.#services.get(name);
    if (service === undefined) return this.#refuse(key, { code: 'no-handler', reason: '' });
    const registration = admits(this.#rules.get(name), peer) ? service.pool.take(peer) : undefined;
    if (registration !== undefined) return this.#run(registration, request);
    const refusal = this.#refusalOf(service, peer);
    if (refusal !== undefined) return this.#refuse(key, refusal);
    // A peer may have as many as there is room for beside them: however many some have, another finds room.
    const ofPeer = service.waiting.sizeOf(peer);
    if (ofPeer >= MAX_WAITING_PER_SERVICE - service.waiting.size) {
      service.quota.refuse(this.#context);
      const whose = ofPeer === 0 ? '' : `, ${ofPeer} of them of the caller`;
      const reason = `${service.waiting.size} requests wait for a handler of the service${whose}: try again later`;
      return this.#refuse(key, { code: 'busy', reason });
    }
    service.waiting.add(request);
    this.#waitsFor.set(key, service);
  }

  #refuse(key: number, refusal: Refusal): void {
    this.#context.emit({ type: 'request/refuse', key, ...refusal });
  }

  #run(registration: Registration, request: ServiceRequest): void {
    this.#running.set(request.key, registration);
    this.#context.emit({ type: 'service/run', registration: registration.ref, request });
  }

  /** A request is answered, or nobody waits for it: who had it takes the next. */
  #done(key: number): void {
    const registration = this.#running.get(key);
    if (registration === undefined) return;
    this.#running.delete(key);
    const { pool, waiting } = registration.service;
    pool.done(registration);
    if (waiting.size > 0) this.#handOver(registration);
  }

  /** As many of those that wait as the handler takes. */
  #handOver(registration: Registration): void {
    if (!this.#registrations.has(registration.ref)) return;
    const { pool, waiting } = registration.service;
    while (registration.inHand < registration.concurrency) {
      const request = waiting.oldestOf(registration.admitted);
      if (request === undefined || !pool.giveTo(registration, request.peer)) return;
      this.#leave(request.key);
      this.#run(registration, request);
    }
  }

  #leave(key: number): boolean {
    const service = this.#waitsFor.get(key);
    return service !== undefined && this.#waitsFor.delete(key) && service.waiting.remove(key);
  }

  #list(): ServiceInfo[] {
    return this.names.map((name) => {
      const { pool, waiting } = this.#services.get(name) as Service;
      let inFlight = 0;
      for (const { inHand } of pool.members) inFlight += inHand;
      const access = accessOf(both(pool.admitted, this.#rules.get(name)));
      return { service: name, handlers: pool.size, access, inFlight, waiting: waiting.size };
    });
  }
}

function rulesOf(rules: ServiceRules): Map<string, Admitted> {
  return new Map(Object.entries(rules).map(([service, access]) => [service, admittedBy(access)]));
}

/** In words for both sides. */
function forbidden(service: string, peer: string, isClosed: boolean): Refusal {
  const what = service === '' ? 'the service without a name' : `the service ${service}`;
  const reason = isClosed
    ? `${what} is closed to everybody`
    : `${what} is for named peers, and ${peer} is not one of them`;
  return { code: 'forbidden', reason };
}
