import type { Overload } from '../channel/quota.ts';
import type { PacketReceived, PacketSend, PacketUnsent } from '../forwarding/messages.ts';
import type { SessionSignal, SessionUse } from '../request/messages.ts';
import type { SealReceived, SealSend } from '../sealing/messages.ts';
import type { Reconfigure, RouteFound, RouteLost } from '../server/inputs.ts';

/** Streams of neighbours count down from -1: to here they will not get. */
export const FIRST_INBOUND_LINK: number = -(2 ** 40);

export type SessionsInput =
  | SessionUse
  | PacketReceived
  | PacketUnsent
  | SealReceived
  | RouteFound
  | RouteLost
  | Reconfigure
  | { readonly type: 'tick' };

export type SessionsOutput = Overload | SessionSignal | PacketSend | SealSend;
