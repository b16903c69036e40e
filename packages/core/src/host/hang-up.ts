import type { Libp2p } from '@libp2p/interface';

/** What a peer that reads gets in a few ms; one that does not is not waited for: a daemon has 1 s to close all it has. */
const CLOSE_TIMEOUT_MS = 500;

/**
 * Closes all connections, after what has been written to them. To be done before the node stops: that destroys the
 * sockets of those that came in, with what is on its way in them.
 */
export async function hangUp(node: Pick<Libp2p, 'getConnections'>): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_TIMEOUT_MS);
  await Promise.all(
    node
      .getConnections()
      .map((connection) => connection.close({ signal }).catch((error: Error) => connection.abort(error))),
  );
}
