import {
  type Client,
  type InboundRequest,
  PeerdError,
  type Registration,
  type RequestHandler,
} from '@peerd/protocol';

type Outcome = ReturnType<RequestHandler>;

/** One client's handler of one service. */
export interface HandlerLease {
  handle(request: InboundRequest): Outcome;
}

/**
 * Which client answers which service. The node sees one handler for each service that has any; with the last
 * one gone the node says `no-handler` by itself, so that callers need not wait for a timeout.
 */
export class Router {
  readonly #client: Client;
  readonly #services = new Map<string, Service>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Resolves, once requests arrive at the lease, to the function that takes it out. */
  async add(service: string, lease: HandlerLease): Promise<() => Promise<void>> {
    let entry = this.#services.get(service);
    if (entry === undefined) {
      entry = new Service(this.#client, service);
      this.#services.set(service, entry);
    }
    const added = entry;
    const remove = async () => {
      await added.remove(lease);
      if (added.idle && this.#services.get(service) === added) this.#services.delete(service);
    };
    try {
      await added.add(lease);
    } catch (error) {
      await remove();
      throw error;
    }
    return remove;
  }
}

class Service {
  readonly #client: Client;
  readonly #name: string;
  readonly #leases: HandlerLease[] = [];
  #next = 0;
  #registration: Registration | undefined;
  /** Registering and closing take time and must not overtake each other: they wait here in turn. */
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  get idle(): boolean {
    return this.#leases.length === 0 && this.#waiting === 0;
  }

  add(lease: HandlerLease): Promise<void> {
    this.#leases.push(lease);
    return this.#settle();
  }

  remove(lease: HandlerLease): Promise<void> {
    const index = this.#leases.indexOf(lease);
    if (index >= 0) this.#leases.splice(index, 1);
    return this.#settle();
  }

  /** Brings the node's registration in line with whether there are leases. */
  #settle(): Promise<void> {
    this.#waiting += 1;
    const settled = this.#turn.then(async () => {
      try {
        if (this.#leases.length > 0)
          this.#registration ??= await this.#client.handle(this.#name, (request) => this.#route(request));
        else {
          const registration = this.#registration;
          this.#registration = undefined;
          await registration?.close();
        }
      } finally {
        this.#waiting -= 1;
      }
    });
    this.#turn = settled.catch(() => {});
    return settled;
  }

  #route(request: InboundRequest): Outcome {
    if (this.#next >= this.#leases.length) this.#next = 0;
    const lease = this.#leases[this.#next];
    this.#next += 1;
    if (lease === undefined)
      throw new PeerdError('no-handler', `nobody handles the service ${JSON.stringify(this.#name)} any more`);
    return lease.handle(request);
  }
}
