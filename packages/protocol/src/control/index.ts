export { absenceReason } from './absence.ts';
export { accessMessage, accessOf } from './access.ts';
export { type AnswerEvents, AnswerStream, costOf, SendWindow } from './answers.ts';
export { makeFolder } from './folder.ts';
export { FrameQuota } from './frame-quota.ts';
export type {
  BroadcastFrame,
  ClientBody,
  ClientFrame,
  Inbound,
  ServerBody,
  ServerFrame,
  Welcome,
} from './frames.ts';
export { FrameDecoder, frameHeader, headerBytes } from './framing.ts';
export * from './limits.ts';
export { Link, type LinkEvents } from './link.ts';
export {
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  errorOf,
  faultOf,
  sendClientFrame,
  sendServerFrame,
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
