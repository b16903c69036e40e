import type { Host } from '../host/node.ts';
import { pingConnection } from '../host/ping.ts';
import type { Drivers, Event } from '../server/messages.ts';

/** Pings over a given connection. */
export class PingDriver {
  readonly effects: Pick<Drivers, 'ping/send'>;

  constructor(host: Host, post: (event: Event) => void) {
    this.effects = {
      'ping/send': ({ ping, connection, timeoutMs }) => {
        pingConnection(host, connection, timeoutMs).then(
          (rttMs) => post({ type: 'ping/done', ping, rttMs }),
          (error: Error) => {
            const unsupported = error.name === 'UnsupportedProtocolError';
            post({ type: 'ping/failed', ping, unsupported, message: error.message });
          },
        );
      },
    };
  }
}
