import { expect, test } from 'vitest';
import { settling } from '../src/direct.ts';
import { Dispatcher } from '../src/dispatcher.ts';
import type { Event } from '../src/server/messages.ts';

function dispatching() {
  const posted: Event[] = [];
  const logged: string[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (message: string) => void logged.push(message) };
  const dispatcher = new Dispatcher((event) => posted.push(event), log);
  const ended = Promise.withResolvers<void>();
  dispatcher.handlers.set(
    1,
    settling(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended.resolve();
      throw new Error('the file was half written');
    }),
  );
  const request = { key: 5, peer: 'p', peerName: undefined, service: '', payload: new Uint8Array(0) };
  dispatcher.effects['service/run']({ type: 'service/run', registration: 1, request });
  return { dispatcher, posted, logged, ended: ended.promise };
}

test('a handler that fails because its call was called off has not failed', async () => {
  const { dispatcher, posted, logged, ended } = dispatching();
  await Promise.resolve();
  dispatcher.effects['service/abort']({ type: 'service/abort', key: 5, reason: 'the caller cancelled' });
  await ended;
  await new Promise(setImmediate);
  expect({ posted, logged }).toEqual({ posted: [], logged: [] });
});

test('a handler that fails is told of in the log: of which service, to whom and in which program', async () => {
  const logged: [string, object | undefined][] = [];
  const error = (message: string, fields?: object) => void logged.push([message, fields]);
  const log = { debug() {}, info() {}, warn() {}, error };
  const dispatcher = new Dispatcher(() => {}, log);
  dispatcher.handlers.set(1, (call) => {
    if (call.service === 'upper') call.program = 'shouter';
    call.reject(new TypeError('no such letter'));
  });
  const request = { key: 5, peer: 'p', peerName: undefined, service: '', payload: new Uint8Array(0) };
  const named = { ...request, key: 6, peerName: 'bob', service: 'upper' };
  for (const each of [request, named])
    dispatcher.effects['service/run']({ type: 'service/run', registration: 1, request: each });
  await new Promise(setImmediate);
  expect(logged).toEqual([
    [
      'the handler of requests without a service failed on a request of p: no such letter',
      { area: 'request', service: '', peer: 'p' },
    ],
    [
      'the handler of upper failed on a request of bob (p), in shouter: no such letter',
      { area: 'request', service: 'upper', peer: 'p', peerName: 'bob', program: 'shouter' },
    ],
  ]);
});
