import { PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import type { CallHandler, InboundCall } from '../src/direct.ts';
import { Router } from '../src/router.ts';

/** A call of a service, and what it was answered with. */
function asking(service: string): InboundCall & { answer: unknown } {
  return {
    peer: 'bob',
    peerName: undefined,
    service,
    payload: new Uint8Array(0),
    signal: new AbortController().signal,
    onAbort: undefined,
    answer: undefined,
    resolve(answer) {
      this.answer = answer;
    },
    reject(error) {
      throw error;
    },
  };
}

/** Handlers that answer with their number. */
const handlers = (count: number): CallHandler[] =>
  Array.from({ length: count }, (_, i) => (call: InboundCall) => call.resolve(Uint8Array.of(i)));
const ask = (router: Router, times: number, service = 'clock') =>
  Array.from({ length: times }, () => {
    const call = asking(service);
    router.take(call);
    return (call.answer as Uint8Array)[0];
  });

describe('the router', () => {
  test('sends the requests of a service to its handlers in turn', () => {
    const router = new Router();
    for (const handler of handlers(3)) router.add('clock', handler);
    expect(ask(router, 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test('keeps services apart, the one without a name too', () => {
    const router = new Router();
    const [first, second] = handlers(2) as [CallHandler, CallHandler];
    router.add('', first);
    router.add('clock', second);
    expect([ask(router, 1, ''), ask(router, 1, 'clock')]).toEqual([[0], [1]]);
    expect(() => router.take(asking('sundial'))).toThrow(PeerdError);
  });

  test('goes on with the others when one handler leaves, and says no-handler after the last', () => {
    const router = new Router();
    const all = handlers(3) as [CallHandler, CallHandler, CallHandler];
    for (const handler of all) router.add('clock', handler);
    ask(router, 1);
    router.remove('clock', all[1]);
    expect(new Set(ask(router, 4))).toEqual(new Set([0, 2]));
    router.remove('clock', all[0]);
    router.remove('clock', all[2]);
    expect(() => router.take(asking('clock'))).toThrow(
      expect.objectContaining({ code: 'no-handler', message: 'nobody handles the service "clock"' }),
    );
  });

  test('is not confused by a handler that removes itself while it answers', () => {
    const router = new Router();
    const once: CallHandler = (call) => {
      router.remove('clock', once);
      call.resolve(Uint8Array.of(9));
    };
    router.add('clock', once);
    router.add('clock', handlers(1)[0] as CallHandler);
    expect(ask(router, 3)).toEqual([9, 0, 0]);
  });
});
