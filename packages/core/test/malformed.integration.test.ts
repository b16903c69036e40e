import { once } from 'node:events';
import type { Stream } from '@libp2p/interface';
import * as lp from 'it-length-prefixed';
import { describe, expect, test } from 'vitest';
import { HELLO_PROTOCOL } from '../src/hello/messages.ts';
import { encodeFrames } from '../src/request/encoder.ts';
import {
  CALL_WINDOW_BYTES,
  END_MESSAGE,
  END_STREAM,
  type Frame,
  FrameType,
  REQUEST_PROTOCOL,
  resetCodes,
} from '../src/request/frames.ts';
import { aborted, bytes, eventually, failure, TestNetwork, type TestNode, text } from './support/nodes.ts';
import { RawCalls, RawPeer } from './support/raw-peer.ts';

const open = (call: number, data: Uint8Array, flags = END_MESSAGE | END_STREAM): Frame => ({
  type: FrameType.open,
  call,
  flags,
  timeoutMs: 0,
  totalBytes: data.length,
  service: 'held',
  data,
});
const data = (call: number, length: number): Frame => ({
  type: FrameType.data,
  call,
  flags: 0,
  data: new Uint8Array(length),
});
const encoded = (...frames: Frame[]) => Uint8Array.from(Buffer.concat(encodeFrames(frames)));
const cut = (whole: Uint8Array) => whole.subarray(0, whole.length - 3);

/** Bob, whose calls are held until they are let go; alice, an honest peer with a call in flight; the other. */
async function scene(network: TestNetwork) {
  const [alice, bob] = await network.pair();
  const release = Promise.withResolvers<void>();
  let started = 0;
  await bob.client.handle('held', async ({ payload }) => {
    started += 1;
    await release.promise;
    return payload;
  });
  await bob.client.handle('', ({ payload }) => payload);
  const inFlight = alice.client.request(bob.id, bytes('in flight'), { service: 'held' });
  inFlight.catch(() => {});
  await eventually('the call is in flight', async () => started === 1);
  const unharmed = async () => {
    expect(text(await alice.client.request(bob.id, bytes('still there?')))).toBe('still there?');
    release.resolve();
    expect(text(await inFlight)).toBe('in flight');
  };
  return { alice, bob, unharmed };
}

const refusalsIn = (bob: TestNode) => bob.log.lines.filter((line) => line.startsWith('warn'));

describe('a stream of calls', () => {
  test.each<[string, (stream: Stream) => unknown]>([
    ['reset', (stream) => stream.abort(new Error('no'))],
    ['closed', (stream) => stream.close()],
    ['reset a moment later', (stream) => setImmediate(() => stream.abort(new Error('no')))],
  ])('that the other side has %s as it was opened keeps no caller waiting', async (_, end) => {
    await using network = new TestNetwork();
    const { bob, unharmed } = await scene(network);
    await using raw = await RawPeer.start();
    await raw.node.handle(REQUEST_PROTOCOL, (stream) => void end(stream));
    await raw.enter(network.name, bob.address);
    const error = await failure(bob.client.request(raw.id, bytes('x'), { timeoutMs: 20_000 }));
    expect(['unreachable', 'disconnected']).toContain(error.code);
    await unharmed();
  });

  test.each<[string, RegExp, Uint8Array]>([
    ['a length that claims 4 GiB', /over the limit/, Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10, 1, 1)],
    ['a length just over the limit', /over the limit/, Uint8Array.of(0x81, 0x88, 0x04)],
    ['an empty frame', /without a type/, Uint8Array.of(0)],
    ['an unknown type that may not be skipped', /unknown frame type 9/, Uint8Array.of(2, 9, 1)],
    ['random bytes', /./, Uint8Array.from({ length: 4_000 }, (_, i) => (i * 197 + 13) & 0xff)],
    ['an integer without an end', /malformed integer/, Uint8Array.of(12, 3, ...new Array(11).fill(0xff))],
    ['a name that is not UTF-8', /not UTF-8/, Uint8Array.of(7, 1, 1, 3, 0, 0, 1, 0xff)],
    ['a call on the stream itself', /call 0/, Uint8Array.of(3, 2, 0, 0)],
    ['data for a call that was not opened', /DATA before OPEN/, encoded(data(5, 10))],
    ['a call opened twice', /opened before/, encoded(open(1, bytes('x')), open(1, bytes('x')))],
    [
      'more than the call has credit for',
      /credit/,
      encoded(
        open(1, bytes('x'), END_MESSAGE),
        ...Array.from({ length: 17 }, () => data(1, CALL_WINDOW_BYTES / 16)),
      ),
    ],
  ])('with %s is closed and the reason logged; the other peers notice nothing', async (_, reason, sent) => {
    await using network = new TestNetwork();
    const { bob, unharmed } = await scene(network);
    await using raw = await RawPeer.start();
    const connection = await raw.enter(network.name, bob.address);
    const calls = await RawCalls.open(connection);
    calls.stream.send(sent);
    await calls.closed();
    const line = await bob.log.line(/^warn closed the stream of calls/);
    expect(line).toContain(raw.id);
    expect(line).toMatch(reason);
    await unharmed();
    // Only the stream is closed: on a new one the peer may do better.
    const again = await RawCalls.open(connection);
    again.send({ ...open(1, bytes('sorry')), service: '' } as Frame);
    await eventually('the call is answered', async () => again.received.length > 0);
    expect(again.received[0]).toMatchObject({
      type: FrameType.data,
      call: 1,
      flags: END_MESSAGE | END_STREAM,
    });
    expect(refusalsIn(bob)).toHaveLength(1);
  });

  test('that ends within a frame is closed and the reason logged; the other peers notice nothing', async () => {
    await using network = new TestNetwork();
    const { bob, unharmed } = await scene(network);
    await using raw = await RawPeer.start();
    const calls = await RawCalls.open(await raw.enter(network.name, bob.address));
    calls.stream.send(cut(encoded(open(1, bytes('cut off in the middle')))));
    await calls.stream.close();
    expect(await bob.log.line(/^warn closed the stream of calls/)).toContain('within a frame');
    await unharmed();
  });

  test('goes on after a frame of an unknown type that may be skipped', async () => {
    await using network = new TestNetwork();
    const { bob, unharmed } = await scene(network);
    await using raw = await RawPeer.start();
    const calls = await RawCalls.open(await raw.enter(network.name, bob.address));
    calls.stream.send(Uint8Array.of(4, 0x80, 1, 2, 3));
    calls.send({ ...open(1, bytes('x')), service: '' } as Frame);
    await eventually('the call is answered', async () => calls.received.length > 0);
    await unharmed();
    expect(refusalsIn(bob)).toEqual([]);
  });

  test('that is closed takes its calls along: their handlers are told and nothing of them is left', async () => {
    await using network = new TestNetwork();
    const [, bob] = await network.pair();
    const started = Promise.withResolvers<void>();
    const told = Promise.withResolvers<string>();
    await bob.client.handle('held', ({ signal }) => {
      signal.addEventListener('abort', () => told.resolve((signal.reason as Error).message));
      started.resolve();
      return new Promise(() => {});
    });
    await using raw = await RawPeer.start();
    const calls = await RawCalls.open(await raw.enter(network.name, bob.address));
    calls.send(open(1, bytes('x')));
    await started.promise;
    calls.stream.send(Uint8Array.of(2, 9, 1));
    expect(await told.promise).toContain('gone');
  });

  test('that brings a call and its end at once leaves no handler working for nobody', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const signals: AbortSignal[] = [];
    await bob.client.handle('held', ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    });
    await bob.client.handle('', ({ payload }) => payload);
    await using raw = await RawPeer.start();
    const calls = await RawCalls.open(await raw.enter(network.name, bob.address));
    const cancel: Frame = { type: FrameType.reset, call: 1, code: resetCodes.cancelled, reason: '' };
    // In one packet: the node takes both in one turn.
    calls.stream.send(encoded(open(1, bytes('x')), cancel));
    calls.stream.send(Uint8Array.of(2, 9, 1));
    await calls.closed();
    await alice.client.request(bob.id, bytes('x'));
    expect(signals.filter((signal) => !signal.aborted)).toEqual([]);
  });
});

describe('a handshake', () => {
  test.each<[string, Uint8Array]>([
    ['random bytes', Uint8Array.from({ length: 300 }, (_, i) => (i * 71 + 5) & 0xff)],
    ['a length that claims 4 GiB', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3)],
    ['a message that is none', lp.encode.single(bytes('GET / HTTP/1.1')).subarray()],
  ])('of %s has the peer disconnected and the reason logged; the others notice nothing', async (_, sent) => {
    await using network = new TestNetwork();
    const { bob, unharmed } = await scene(network);
    await using raw = await RawPeer.start();
    const connection = await raw.dial(bob.address);
    const closed = new Promise((resolve) =>
      raw.node.addEventListener('connection:close', resolve, { once: true }),
    );
    const stream = await connection.newStream(HELLO_PROTOCOL);
    stream.send(sent);
    await closed;
    const line = await bob.log.line(/^warn refused/);
    expect(line).toContain(raw.id);
    expect(line).toContain('hello');
    await unharmed();
    expect((await bob.client.status()).peers.connected).toBe(1);
  });

  test('is had once on a connection: a second one is reset', async () => {
    await using network = new TestNetwork();
    const { bob, unharmed } = await scene(network);
    await using raw = await RawPeer.start();
    const connection = await raw.enter(network.name, bob.address);
    const stream = await connection.newStream(HELLO_PROTOCOL);
    if (stream.status === 'open') await once(stream as unknown as EventTarget, 'close');
    expect(stream.status).not.toBe('open');
    await unharmed();
  });
});

test('a tinyp2p request that is reset as it was sent is called off', async () => {
  await using network = new TestNetwork();
  const [, bob] = await network.pair();
  await bob.client.handle('', async ({ signal, payload }) => {
    await aborted(signal);
    return payload;
  });
  await using raw = await RawPeer.start();
  const connection = await raw.enter(network.name, bob.address);
  for (let i = 0; i < 20; i += 1) {
    const stream = await connection.newStream('/tinyp2p/req-resp/1.0.0');
    stream.send(lp.encode.single(bytes('never mind')));
    if (i % 2 === 0) await new Promise(setImmediate);
    stream.abort(new Error('never mind'));
  }
  // One that is let through, after all of those.
  const last = await connection.newStream('/tinyp2p/req-resp/1.0.0');
  last.send(lp.encode.single(bytes('in earnest')));
  const inFlight = async () => (await bob.client.top()).calls.inbound;
  await eventually('only the last is in flight', async () => (await inFlight()) === 1);
  last.abort(new Error('enough'));
  await eventually('nothing is', async () => (await inFlight()) === 0);
});
