export { accessMessage, accessOf } from './access.ts';
export { type AnswerEvents, AnswerStream, costOf, SendWindow } from './answers.ts';
export { makeFolder } from './folder.ts';
export { FrameDecoder, frameHeader, headerBytes } from './framing.ts';
export * from './limits.ts';
export { Link, type LinkEvents } from './link.ts';
export {
  type BroadcastFrame,
  type ClientBody,
  type ClientFrame,
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  errorOf,
  faultOf,
  type Inbound,
  type ServerBody,
  type ServerFrame,
  sendClientFrame,
  sendServerFrame,
  type Welcome,
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
