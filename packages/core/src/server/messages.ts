import type { NodeStatus, NodeTop, PeerdError } from '@peerd/protocol';
import type {
  BroadcastCancel,
  BroadcastCommand,
  BroadcastInput,
  BroadcastOutput,
} from '../broadcast/messages.ts';
import type { Responder } from '../channel/responder.ts';
import type { ConnectionsCommand, ConnectionsInput, ConnectionsOutput } from '../connections/messages.ts';
import type { DiscoveryInput, DiscoveryOutput } from '../discovery/messages.ts';
import type { ForwardingInput, ForwardingOutput } from '../forwarding/messages.ts';
import type { HelloInput, HelloOutput } from '../hello/messages.ts';
import type { PeersCommand, PeersInput, PeersOutput } from '../peers/messages.ts';
import type { PingInput, PingOutput } from '../ping/state.ts';
import type { RequestCancel, RequestCommand, RequestInput, RequestOutput } from '../request/messages.ts';
import type { RoutingCommand, RoutingInput, RoutingOutput } from '../routing/messages.ts';
import type { SealingInput, SealingOutput } from '../sealing/messages.ts';
import type { ServicesCommand, ServicesInput, ServicesOutput } from '../services/messages.ts';
import type { SessionsInput, SessionsOutput } from '../sessions/messages.ts';
import type { TraceCommand, TraceInput, TraceOutput } from '../trace/messages.ts';
import type { ClientClosed, Drain, Reconfigure } from './inputs.ts';

/** What the state itself tells of `top`. */
export type CoreTop = Pick<NodeTop, 'calls' | 'counters' | 'queues' | 'uptimeMs'>;

/** What users ask for. The responders in them are settled exactly once. */
export type Command =
  | RequestCommand
  | RequestCancel
  | BroadcastCommand
  | BroadcastCancel
  | PeersCommand
  | ConnectionsCommand
  | RoutingCommand
  | ServicesCommand
  | TraceCommand
  | Extract<PingInput, { type: 'ping' | 'ping/cancel' }>
  | ClientClosed
  | Drain
  | Reconfigure
  | { readonly type: 'status'; readonly responder: Responder<NodeStatus> }
  | { readonly type: 'top'; readonly responder: Responder<CoreTop> }
  /** Does nothing but settle: what a round through the loop costs. */
  | { readonly type: 'noop'; readonly responder: Responder<void> };

/** What the features send out: signals to each other, and effects that the drivers carry out. */
export type Output =
  | BroadcastOutput
  | ConnectionsOutput
  | DiscoveryOutput
  | ForwardingOutput
  | HelloOutput
  | PeersOutput
  | PingOutput
  | RequestOutput
  | RoutingOutput
  | SealingOutput
  | ServicesOutput
  | SessionsOutput
  | TraceOutput;

/** Commands that found no room in the inbox since the last turn. */
type CommandsRefused = {
  readonly type: 'loop/refused';
  readonly unit: 'items' | 'bytes';
  readonly times: number;
};

/** All that the loop dispatches. */
export type Input =
  | CommandsRefused
  | Command
  | BroadcastInput
  | ConnectionsInput
  | DiscoveryInput
  | ForwardingInput
  | HelloInput
  | PeersInput
  | PingInput
  | RequestInput
  | RoutingInput
  | SealingInput
  | ServicesInput
  | SessionsInput
  | TraceInput;

/** What happened: everything but commands, the tick, and what features tell each other. */
export type Event = Exclude<Input, Command | { readonly type: 'tick' } | Output>;

/** Outputs that nobody acts on: they are told to the log. */
type Told = Extract<
  Output,
  {
    type:
      | 'discovery/itself'
      | 'discovery/unreached'
      | 'node/overload'
      | 'seal/received'
      | 'seal/unsent'
      | 'service/added'
      | 'service/removed'
      | 'peer/came'
      | 'peer/resolved'
      | 'peer/routed'
      | 'peer/went';
  }
>;

/** The messages that no feature handles, and a few that one does too: each has one driver that carries it out. */
export type Effect = Exclude<Output, Input | Told> | Extract<Output, { type: 'connection/abort' }>;

/** What carries out effects, one function each. */
export type Drivers = {
  readonly [Type in Effect['type']]: (effect: Extract<Effect, { type: Type }>) => void;
};

/** Bytes of users' data in an input: what the budgets count. */
export function payloadBytes(input: Input): number {
  switch (input.type) {
    case 'request':
    case 'broadcast':
    case 'gossip/message':
    case 'request/answer':
      return input.payload.length;
    case 'request/frames':
      return input.bytes;
    default:
      return 0;
  }
}

/** Settles a command that was never taken. */
export function reject(command: Command, error: PeerdError): void {
  // Letting go has succeeded: there is nothing left to hold.
  if (command.type === 'unhandle' || command.type === 'unsubscribe') command.responder.resolve();
  else if ('responder' in command) command.responder.reject(error);
  else if (command.type === 'request') {
    command.path?.reject(error);
    (command.answer ?? command.end)?.reject(error);
  }
}
