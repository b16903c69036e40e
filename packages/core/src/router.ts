import { type BroadcastMessage, type InboundRequest, PeerdError, type RequestHandler } from '@peerd/protocol';
import type { EventHandler } from './server/handler.ts';

/**
 * The event handler behind `client.handle`: sends each request to a handler of its service, the handlers of
 * one service in turn.
 */
export class Router implements EventHandler {
  readonly #services = new Map<string, RequestHandler[]>();

  add(service: string, handler: RequestHandler): void {
    const handlers = this.#services.get(service);
    if (handlers === undefined) this.#services.set(service, [handler]);
    else handlers.push(handler);
  }

  remove(service: string, handler: RequestHandler): void {
    const handlers = this.#services.get(service)?.filter((other) => other !== handler) ?? [];
    if (handlers.length === 0) this.#services.delete(service);
    else this.#services.set(service, handlers);
  }

  readonly handleRequest: RequestHandler = (request: InboundRequest) => {
    const handlers = this.#services.get(request.service);
    const handler = handlers?.shift();
    if (handlers === undefined || handler === undefined)
      throw new PeerdError('no-handler', `nobody handles the service ${JSON.stringify(request.service)}`);
    handlers.push(handler);
    return handler(request);
  };

  /** Subscriptions have queues of their own. */
  handleBroadcast(_message: BroadcastMessage): void {}
}
