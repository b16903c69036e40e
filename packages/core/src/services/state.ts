import type { Responder } from '../channel/responder.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import type { Settle } from '../server/outputs.ts';

export type ServicesCommand = {
  readonly type: 'handle';
  readonly service: string;
  readonly responder: Responder<void>;
};

export type ServicesInput =
  | ServicesCommand
  | { readonly type: 'unhandle'; readonly service: string; readonly responder: Responder<void> };

/** Which services have a handler; the handlers themselves are the router's. */
export class ServicesState implements Feature<ServicesInput> {
  readonly handlers: Handlers<ServicesInput>;
  readonly #counts = new Map<string, number>();

  constructor(context: Context<Settle>) {
    this.handlers = {
      handle: ({ service, responder }) => {
        this.#counts.set(service, (this.#counts.get(service) ?? 0) + 1);
        context.emit({ type: 'settle', responder, value: undefined });
      },
      unhandle: ({ service, responder }) => {
        const count = this.#counts.get(service) ?? 0;
        if (count > 1) this.#counts.set(service, count - 1);
        else this.#counts.delete(service);
        context.emit({ type: 'settle', responder, value: undefined });
      },
    };
  }

  get names(): string[] {
    return [...this.#counts.keys()].sort();
  }

  snapshot(): unknown {
    return [...this.#counts];
  }
}
