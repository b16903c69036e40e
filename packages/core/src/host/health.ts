import { PeerdError } from '@peerd/protocol';
import type { Host } from './node.ts';

/**
 * How often it is made sure that the node listens: nothing tells of a listener that has gone as long as connections of
 * its are open.
 */
const LISTENING_CHECK_MS = 5_000;

/**
 * Calls `failed` when the node does not listen any more though nobody stopped it: nobody could connect to it, and it
 * would not know. Returns what ends the watch.
 */
export function watchListening(host: Host, failed: (error: PeerdError) => void): () => void {
  const { node } = host;
  const listened = node.getMultiaddrs().map((address) => address.toString());
  if (listened.length === 0) return () => {};
  const check = () => {
    if (node.getMultiaddrs().length > 0 && node.status === 'started') return;
    stop();
    failed(
      new PeerdError(
        'internal',
        `the network stack failed: nothing listens on ${listened.join(', ')} any more`,
      ),
    );
  };
  const timer = setInterval(check, LISTENING_CHECK_MS);
  timer.unref();
  node.addEventListener('transport:close', check);
  const stop = () => {
    clearInterval(timer);
    node.removeEventListener('transport:close', check);
  };
  return stop;
}
