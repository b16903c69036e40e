import { PeerdError } from '@peerd/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { aborted, bytes, type ContractPeer, collect, failure, type StandingPair, text } from './pair.ts';

export function streamsContract(standing: StandingPair): void {
  let a: ContractPeer;
  let b: ContractPeer;
  beforeAll(() => {
    ({ a, b } = standing);
  });
  const { serve } = standing;
  describe('requestStream', () => {
    test('yields every answer in order', async () => {
      const { service } = await serve(async function* ({ payload }) {
        for (let index = 0; index < 200; index += 1) yield bytes(`${text(payload)} ${index}`);
      });
      const answers = await collect(a.client.requestStream(b.id, bytes('answer'), { service }));
      expect(answers).toEqual(Array.from({ length: 200 }, (_, index) => `answer ${index}`));
    });

    test('yields the one answer of a plain handler, and none of an empty stream', async () => {
      const plain = await serve(({ payload }) => payload);
      const empty = await serve(async function* () {});
      expect(await collect(a.client.requestStream(b.id, bytes('x'), plain))).toEqual(['x']);
      expect(await collect(a.client.requestStream(b.id, bytes('x'), empty))).toEqual([]);
    });

    test('throws what the handler refused after the answers before it', async () => {
      const { service } = await serve(async function* () {
        yield bytes('one');
        throw new PeerdError('refused', 'no more');
      });
      const answers: string[] = [];
      const reading = (async () => {
        for await (const each of a.client.requestStream(b.id, bytes('x'), { service }))
          answers.push(text(each));
      })();
      expect((await failure(reading)).code).toBe('refused');
      expect(answers).toEqual(['one']);
    });

    test('tells once which peers it has passed, before its first answer or its end', async () => {
      const told: unknown[] = [];
      const onPath = (path: unknown) => told.push(path);
      const two = await serve(async function* () {
        yield bytes('one');
        yield bytes('two');
      });
      const none = await serve(async function* () {});
      for (const { service } of [two, none]) {
        for await (const answer of a.client.requestStream(b.id, bytes('x'), { service, onPath }))
          told.push(text(answer));
        told.push('end');
      }
      const path = [...standing.between, { peer: b.id, name: b.name }];
      expect(told).toEqual([path, 'one', 'two', 'end', path, 'end']);
      const refused = a.client.requestStream(b.id, bytes('x'), { service: 'nobody-has-this', onPath });
      expect((await failure(collect(refused))).code).toBe('no-handler');
      expect(told).toHaveLength(6);
    });

    test('throws what the listener to its path throws, and the handler hears that nobody reads', async () => {
      const left = Promise.withResolvers<void>();
      const { service } = await serve(async function* ({ signal }) {
        void aborted(signal).then(() => left.resolve());
        for (;;) yield bytes('again');
      });
      const wrong = new Error('not over bob');
      const onPath = () => {
        throw wrong;
      };
      const read = async () => {
        for await (const _ of a.client.requestStream(b.id, bytes('x'), { service, onPath }));
      };
      expect(await read().catch((error: unknown) => error)).toBe(wrong);
      await left.promise;
    });

    test('tells the handler when the reader leaves', async () => {
      const left = Promise.withResolvers<void>();
      const { service } = await serve(async function* ({ signal }) {
        void aborted(signal).then(() => left.resolve());
        for (;;) yield bytes('again');
      });
      for await (const answer of a.client.requestStream(b.id, bytes('x'), { service })) {
        expect(text(answer)).toBe('again');
        break;
      }
      await left.promise;
    });

    test('takes no more from the handler than the reader does, give or take a few windows', async () => {
      let given = 0;
      const size = 256 * 1024;
      const { service } = await serve(async function* () {
        for (; given < 1_000; given += 1) yield new Uint8Array(size);
      });
      const answers = a.client.requestStream(b.id, bytes('x'), { service })[Symbol.asyncIterator]();
      await answers.next();
      const quick = await serve(({ payload }) => payload);
      // Each round trip is a chance for the stream to run ahead.
      for (let index = 0; index < 200; index += 1) await a.client.request(b.id, bytes('x'), quick);
      expect(given * size).toBeLessThan(16 * 1024 * 1024);
      await answers.return?.();
    });
  });
}
