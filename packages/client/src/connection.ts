import { createConnection } from 'node:net';
import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import {
  controlVersions,
  decodeServerFrame,
  encodeClientFrame,
  errorOf,
  helloTimeoutMs,
  Link,
  type ServerFrame,
  type Welcome,
} from '@peerd/protocol/control';
import { Calls } from './calls.ts';
import type { Connection } from './client.ts';
import { type HandlerErrorListener, InboundRequests } from './inbound.ts';

/** Time for the daemon to let go of a client's registrations before the connection is cut. */
const closeTimeoutMs = 2_000;

export interface OpenOptions {
  signal?: AbortSignal | undefined;
  onHandlerError?: HandlerErrorListener | undefined;
}

/** `cause.code` is that of the socket (`ENOENT`, `ECONNREFUSED`, …) when nothing listens. */
function unavailable(socketPath: string, why: string, cause?: Error): PeerdError {
  const message = `no daemon answers at ${socketPath} (${why}): start one with: peerd start`;
  return new PeerdError('daemon-unavailable', message, { cause });
}

/** Connects to the daemon at a socket and greets it. Fails with `daemon-unavailable` or `incompatible`. */
export function openConnection(
  socketPath: string,
  { signal, onHandlerError }: OpenOptions = {},
): Promise<{ connection: Connection; welcome: Welcome }> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const gone = Promise.withResolvers<PeerdError>();
    let greeted = false;
    let reason: PeerdError | undefined;

    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    const giveUp = (error: unknown) => {
      settle();
      reject(error);
      link.destroy();
    };
    const aborted = () => giveUp(signal?.reason);
    const timer = setTimeout(
      () => giveUp(unavailable(socketPath, `it did not greet in ${helloTimeoutMs} ms`)),
      helloTimeoutMs,
    );
    signal?.addEventListener('abort', aborted, { once: true });

    const fail = (error: PeerdError) => {
      reason ??= error;
      link.destroy();
    };
    const receive = (frame: ServerFrame) => {
      const { body, call } = frame;
      if (!greeted) greet(frame);
      else if (body.case === 'inbound') inbound.start(call, body.value);
      else if (body.case === 'cancel') inbound.cancel(call);
      else if (body.case === 'took') inbound.taken(call, body.value.cost);
      else if (call !== 0) calls.receive(frame);
      else if (body.case === 'fault') fail(errorOf(body.value));
    };
    const greet = ({ body }: ServerFrame) => {
      if (body.case === 'fault') return giveUp(errorOf(body.value));
      if (body.case !== 'welcome')
        return giveUp(new PeerdError('incompatible', `what listens at ${socketPath} is not a peerd daemon`));
      const { version, versions, daemonVersion } = body.value;
      if (!controlVersions.includes(version))
        return giveUp(
          new PeerdError(
            'incompatible',
            `the daemon at ${socketPath} (peerd ${daemonVersion}) speaks versions ${versions.join(', ')} of the ` +
              `control protocol, this client ${controlVersions.join(', ')}: update the older of the two`,
          ),
        );
      greeted = true;
      settle();
      resolve({ connection: { calls, inbound, close, closed: gone.promise }, welcome: body.value });
    };
    const close = async () => {
      const stopped = new PeerdError('stopped', 'this client was closed');
      reason ??= stopped;
      calls.failAll(stopped);
      inbound.cancelAll(stopped);
      link.end();
      const cut = setTimeout(() => link.destroy(), closeTimeoutMs);
      await gone.promise;
      clearTimeout(cut);
    };

    const link: Link = new Link(createConnection(socketPath), {
      frame(body) {
        try {
          receive(decodeServerFrame(body));
        } catch (error) {
          this.invalid(PeerdError.from(error));
        }
      },
      invalid(error) {
        if (greeted) fail(error);
        else
          giveUp(
            new PeerdError(
              'incompatible',
              `what listens at ${socketPath} is not a peerd daemon: ${error.message}`,
            ),
          );
      },
      ended() {},
      closed(cause) {
        const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'it closed the connection';
        const error =
          reason ??
          (greeted
            ? new PeerdError('daemon-unavailable', `the connection to the daemon at ${socketPath} was lost`, {
                cause,
              })
            : unavailable(socketPath, why, cause));
        if (!greeted) giveUp(error);
        calls.failAll(error);
        inbound.cancelAll(error);
        gone.resolve(error);
      },
    });
    const calls = new Calls(link);
    const inbound = new InboundRequests(calls, onHandlerError);
    const program = process.argv[1] ?? process.execPath;
    link.send(encodeClientFrame(0, { case: 'hello', value: { versions: [...controlVersions], program } }));
  });
}
