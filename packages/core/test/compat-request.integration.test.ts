import { PeerdError } from '@peerd/protocol';
import { expect, test } from 'vitest';
import { BareNode } from './support/bare-node.ts';
import {
  bytes,
  eventually,
  failure,
  pattern,
  peerOf,
  TestNetwork,
  type TestNode,
  text,
} from './support/nodes.ts';

const MiB = 1024 * 1024;

/** A node of ours, and one that speaks tinyp2p's protocols and none of ours. */
async function together(): Promise<{ ours: TestNode; bare: BareNode } & AsyncDisposable> {
  const network = new TestNetwork();
  const [ours, bare] = await Promise.all([
    network.start('ours', { limits: { maxPayloadBytes: 2 * MiB } }),
    BareNode.start(),
  ]);
  return {
    ours,
    bare,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([network[Symbol.asyncDispose](), bare[Symbol.asyncDispose]()]);
    },
  };
}

test('a tinyp2p peer asks us, and the handler knows who it is', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await ours.client.handle('', ({ peer, peerName, service, payload }) => {
    expect([peer, peerName, service]).toEqual([bare.id, undefined, '']);
    return bytes(`you said ${text(payload)}`);
  });
  expect(text((await bare.ask(ours.address, bytes('hello'))) as Uint8Array)).toBe('you said hello');
});

test('we ask a tinyp2p peer, by multiaddr and then by id', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await bare.serve((payload) => bytes(`you said ${text(payload)}`));
  expect(text(await ours.client.request(bare.address, bytes('one')))).toBe('you said one');
  expect(text(await ours.client.request(bare.id, bytes('two')))).toBe('you said two');
});

test('a refusal of ours is a stream that ends without an answer', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await ours.client.handle('', () => {
    throw new PeerdError('refused', 'not today');
  });
  expect(await bare.ask(ours.address, bytes('please'))).toBeUndefined();
});

test('with no handler here a tinyp2p peer is refused', async () => {
  await using both = await together();
  const { ours, bare } = both;
  expect(await bare.ask(ours.address, bytes('anyone?'))).toBeUndefined();
});

test('a refusal of theirs reaches the caller as refused', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await bare.serve(() => undefined);
  expect((await failure(ours.client.request(bare.address, bytes('please')))).code).toBe('refused');
});

test.each([
  ['empty', 0],
  ['one MiB', MiB],
])('payloads are whole both ways: %s', async (_, size) => {
  await using both = await together();
  const { ours, bare } = both;
  const payload = pattern(size);
  await ours.client.handle('', (request) => request.payload);
  await bare.serve((request) => request);
  expect(Buffer.compare(await ours.client.request(bare.address, payload), payload)).toBe(0);
  expect(Buffer.compare((await bare.ask(ours.address, payload)) as Uint8Array, payload)).toBe(0);
});

test('an oversized request of theirs is not answered, and the next one is', async () => {
  await using both = await together();
  const { ours, bare } = both;
  let asked = 0;
  await ours.client.handle('', ({ payload }) => {
    asked += 1;
    return payload;
  });
  await expect(bare.ask(ours.address, new Uint8Array(2 * MiB + 1))).rejects.toThrow();
  expect(await bare.ask(ours.address, bytes('small'))).toEqual(bytes('small'));
  expect(asked).toBe(1);
});

test('an oversized answer of theirs fails the call with too-large', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await bare.serve(() => new Uint8Array(2 * MiB + 1));
  expect((await failure(ours.client.request(bare.address, bytes('x')))).code).toBe('too-large');
});

test('an oversized answer of ours does not reach them, and the next answer does', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await ours.client.handle('', ({ payload }) =>
    payload.length === 0 ? new Uint8Array(2 * MiB + 1) : payload,
  );
  const answer = await bare.ask(ours.address, bytes('')).catch(() => undefined);
  expect(answer).toBeUndefined();
  expect(await bare.ask(ours.address, bytes('small'))).toEqual(bytes('small'));
});

test('of a stream of answers a tinyp2p caller gets the first, and the handler is let go', async () => {
  await using both = await together();
  const { ours, bare } = both;
  const left = Promise.withResolvers<void>();
  await ours.client.handle('', async function* ({ payload }) {
    try {
      if (payload.length > 0) for (let count = 1; ; count += 1) yield bytes(`answer ${count}`);
    } finally {
      left.resolve();
    }
  });
  expect(await bare.ask(ours.address, bytes('x'))).toEqual(bytes('answer 1'));
  await left.promise;
  expect(await bare.ask(ours.address, bytes(''))).toBeUndefined();
});

test('a hundred requests at once in each direction are kept apart', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await ours.client.handle('', ({ payload }) => bytes(`ours ${text(payload)}`));
  await bare.serve((payload) => bytes(`bare ${text(payload)}`));
  await ours.client.ping(bare.address);
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  const ask = async (index: number) => {
    expect(text(await ours.client.request(bare.id, bytes(`${index}`)))).toBe(`bare ${index}`);
    expect(text((await bare.ask(ours.address, bytes(`${index}`))) as Uint8Array)).toBe(`ours ${index}`);
  };
  await Promise.all(numbers.map(ask));
});

test('services and streams of answers are incompatible with a peer that has none', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await bare.serve((payload) => payload);
  const named = ours.client.request(bare.address, bytes('x'), { service: 'clock' });
  expect((await failure(named)).code).toBe('incompatible');
  const streamed = ours.client.requestStream(bare.address, bytes('x'))[Symbol.asyncIterator]().next();
  expect((await failure(Promise.resolve(streamed))).code).toBe('incompatible');
});

test('a peer that speaks no request protocol at all is incompatible', async () => {
  await using both = await together();
  const { ours, bare } = both;
  expect((await failure(ours.client.request(bare.address, bytes('x')))).code).toBe('incompatible');
});

test('it is listed as another implementation, without a name, whoever dialled', async () => {
  await using both = await together();
  const { ours, bare } = both;
  await using dialled = await BareNode.start();
  await ours.client.ping(dialled.address);
  expect(await peerOf(ours, dialled.id)).toMatchObject({ kind: 'other', connected: true });
  await bare.dial(ours.address);
  await eventually('it is known as another implementation', async () => {
    const peer = await peerOf(ours, bare.id);
    return peer?.kind === 'other' && peer.connected && peer.name === undefined;
  });
});
