import type { Message, MessageInitShape } from '@bufbuild/protobuf';
import type {
  ClientFrame as ClientFrameMessage,
  ClientFrameSchema,
  ServerFrame as ServerFrameMessage,
  ServerFrameSchema,
} from '../gen/peerd/control/v1/control_pb.ts';

/** A message without what protobuf-es adds for itself. */
type Plain<T> = T extends Message ? Omit<T, keyof Message> : T;
type PlainBody<Body> = Body extends { case: infer Case; value: infer Value }
  ? { case: Case; value: Plain<Value> }
  : Body;

export interface ClientFrame {
  readonly call: number;
  readonly body: PlainBody<ClientFrameMessage['body']>;
}

export interface ServerFrame {
  readonly call: number;
  readonly body: PlainBody<ServerFrameMessage['body']>;
}

type ServerValue<Case> = Extract<ServerFrame['body'], { case: Case; value: object }>['value'];
export type BroadcastFrame = ServerValue<'message'>;
export type Inbound = ServerValue<'inbound'>;
export type Welcome = ServerValue<'welcome'>;

export type ClientBody = NonNullable<MessageInitShape<typeof ClientFrameSchema>['body']>;
export type ServerBody = NonNullable<MessageInitShape<typeof ServerFrameSchema>['body']>;
