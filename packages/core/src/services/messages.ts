import type { ServiceAccess, ServiceInfo } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { HandlerEvent, RequestOutput } from '../request/messages.ts';
import type { Reconfigure } from '../server/inputs.ts';
import type { Fail, Settle } from '../server/outputs.ts';

/** The registration that takes every request: the event handler of a program that has set one. */
export const EVENT_HANDLER = 0;

export type ServicesCommand =
  | {
      readonly type: 'handle';
      /** Names the registration from now on. */
      readonly ref: number;
      readonly service: string;
      readonly access: ServiceAccess;
      /** Requests that it takes at once. */
      readonly concurrency: number;
      readonly responder: Responder<void>;
    }
  | { readonly type: 'unhandle'; readonly ref: number; readonly responder: Responder<void> }
  | { readonly type: 'services'; readonly responder: Responder<ServiceInfo[]> };

type Dispatch = Extract<RequestOutput, { type: 'request/dispatch' }>;

/** A request of a peer that a handler has to answer. */
export type ServiceRequest = Omit<Dispatch, 'type'>;

export type ServicesEvent =
  /** The program has set an event handler. */
  | { readonly type: 'service/event-handler' }
  /** The handler it was given to had just left. */
  | ({ readonly type: 'service/returned' } & ServiceRequest);

export type ServicesInput =
  | ServicesCommand
  | ServicesEvent
  | Reconfigure
  | Dispatch
  | Extract<RequestOutput, { type: 'request/abort' }>
  | HandlerEvent;

export type ServicesOutput =
  | Overload
  | Settle
  | Fail
  /** Gives the request to the handler of a registration. */
  | { readonly type: 'service/run'; readonly registration: number; readonly request: ServiceRequest }
  /** Tells the handler that nobody waits for its answer any more. */
  | { readonly type: 'service/abort'; readonly key: number; readonly reason: string }
  | {
      readonly type: 'request/refuse';
      readonly key: number;
      readonly code: 'forbidden' | 'busy' | 'no-handler';
      readonly reason: string;
    }
  /** It has got its first registration, or lost its last. */
  | { readonly type: 'service/added'; readonly service: string }
  | { readonly type: 'service/removed'; readonly service: string };
