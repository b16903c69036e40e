export type { Settler } from './channel/responder.ts';
export type { Limits, PeerConfig, Profile, ServiceRules } from './config.ts';
export type { Answer, AskOptions, CallHandler, DirectClient, InboundCall } from './direct.ts';
export { parsePeerId } from './host/address.ts';
export { decodeSecret, encodeSecret, generateSecret, peerIdOf } from './identity.ts';
export { areaLog, type Log } from './log.ts';
export { createPeer, type Peer, type Server } from './peer.ts';
export type { EventHandler } from './server/handler.ts';
export { checkConfig, type Settings } from './settings.ts';
