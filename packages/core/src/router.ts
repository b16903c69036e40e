import { type BroadcastMessage, PeerdError } from '@peerd/protocol';
import type { CallHandler, InboundCall } from './direct.ts';
import type { CallTaker } from './dispatcher.ts';

/**
 * What answers behind `client.handle`: sends each request to a handler of its service, the handlers of
 * one service in turn.
 */
export class Router implements CallTaker {
  readonly #services = new Map<string, CallHandler[]>();

  add(service: string, handler: CallHandler): void {
    const handlers = this.#services.get(service);
    if (handlers === undefined) this.#services.set(service, [handler]);
    else handlers.push(handler);
  }

  remove(service: string, handler: CallHandler): void {
    const handlers = this.#services.get(service)?.filter((other) => other !== handler) ?? [];
    if (handlers.length === 0) this.#services.delete(service);
    else this.#services.set(service, handlers);
  }

  take(call: InboundCall): void {
    const handlers = this.#services.get(call.service);
    const handler = handlers?.shift();
    if (handlers === undefined || handler === undefined)
      throw new PeerdError('no-handler', `nobody handles the service ${JSON.stringify(call.service)}`);
    handlers.push(handler);
    handler(call);
  }

  /** Subscriptions have queues of their own. */
  handleBroadcast(_message: BroadcastMessage): void {}
}
