import type { PeerdError, PeerRef } from '@peerd/protocol';
import { FrameDecoder } from './decoder.ts';
import { Link } from './link.ts';

/** A link over peers that lie between: its frames go through a session with the other end. */
export class SessionLink extends Link {
  readonly decoder: FrameDecoder = new FrameDecoder();
  /** What the other end calls itself. */
  name: string | undefined;
  /** Empty until the other end has told it. */
  override path: readonly PeerRef[] = [];
  /** What came of trying to connect, before. */
  dialError: PeerdError | undefined;
  /** What is written next is asked to say which peers it passes. */
  wantsPath = false;
}
