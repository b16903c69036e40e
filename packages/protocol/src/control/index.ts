export type {
  BroadcastMessage as BroadcastFrame,
  ClientFrame,
  Inbound,
  ServerFrame,
  Welcome,
} from '../gen/peerd/control/v1/control_pb.ts';
export { type AnswerEvents, AnswerStream, costOf, SendWindow } from './answers.ts';
export { makeFolder } from './folder.ts';
export { FrameDecoder, frameHeader, headerBytes } from './framing.ts';
export * from './limits.ts';
export { Link, type LinkEvents } from './link.ts';
export {
  type ClientBody,
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  errorOf,
  faultOf,
  type ServerBody,
} from './messages.ts';
export {
  checkSocketFolder,
  checkSocketPath,
  isPeerdName,
  listDaemons,
  makeSocketFolder,
  type Owner,
  socketFolder,
  socketPath,
  thisUser,
} from './paths.ts';
