import { type InboundRequest, PeerdError, type RequestHandler } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { Router } from '../src/router.ts';

const asking = (service: string): InboundRequest => ({
  peer: 'bob',
  peerName: undefined,
  service,
  payload: new Uint8Array(0),
  signal: new AbortController().signal,
});

/** Handlers that answer with their number. */
const handlers = (count: number): RequestHandler[] =>
  Array.from({ length: count }, (_, i) => () => Uint8Array.of(i));
const ask = (router: Router, times: number, service = 'clock') =>
  Array.from({ length: times }, () => (router.handleRequest(asking(service)) as Uint8Array)[0]);

describe('the router', () => {
  test('sends the requests of a service to its handlers in turn', () => {
    const router = new Router();
    for (const handler of handlers(3)) router.add('clock', handler);
    expect(ask(router, 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test('keeps services apart, the one without a name too', () => {
    const router = new Router();
    const [first, second] = handlers(2) as [RequestHandler, RequestHandler];
    router.add('', first);
    router.add('clock', second);
    expect([ask(router, 1, ''), ask(router, 1, 'clock')]).toEqual([[0], [1]]);
    expect(() => router.handleRequest(asking('sundial'))).toThrow(PeerdError);
  });

  test('goes on with the others when one handler leaves, and says no-handler after the last', () => {
    const router = new Router();
    const all = handlers(3) as [RequestHandler, RequestHandler, RequestHandler];
    for (const handler of all) router.add('clock', handler);
    ask(router, 1);
    router.remove('clock', all[1]);
    expect(new Set(ask(router, 4))).toEqual(new Set([0, 2]));
    router.remove('clock', all[0]);
    router.remove('clock', all[2]);
    expect(() => router.handleRequest(asking('clock'))).toThrow(
      expect.objectContaining({ code: 'no-handler', message: 'nobody handles the service "clock"' }),
    );
  });

  test('is not confused by a handler that removes itself while it answers', () => {
    const router = new Router();
    const once: RequestHandler = () => {
      router.remove('clock', once);
      return Uint8Array.of(9);
    };
    router.add('clock', once);
    router.add('clock', handlers(1)[0] as RequestHandler);
    expect(ask(router, 3)).toEqual([9, 0, 0]);
  });
});
