import { describe, expect, test } from 'vitest';
import { aborted, bytes, failure, type MakePair, text } from './pair.ts';

export function connectionsContract(name: string, makePair: MakePair): void {
  describe(`client contract, connections: ${name}`, () => {
    test('disconnect ends calls with disconnected, connect brings the peer back', async () => {
      const { a, b, close } = await makePair();
      const [{ addresses }, started] = [await b.client.status(), Promise.withResolvers<void>()];
      const address = addresses[0] as string;
      await b.client.handle('stuck', async ({ signal }) => {
        started.resolve();
        await aborted(signal);
        return new Uint8Array();
      });
      expect(await a.client.connect(b.name)).toMatchObject({ peer: b.id, name: b.name });
      const open = failure(a.client.request(b.id, bytes('x'), { service: 'stuck' }));
      await started.promise;
      expect(await a.client.disconnect(b.id)).toBe(1);
      expect((await open).code).toBe('disconnected');
      expect((await a.client.peers()).filter(({ connected }) => connected)).toEqual([]);
      expect(await a.client.disconnect(b.id)).toBe(0);
      expect(await a.client.connect(address)).toEqual({ peer: b.id, name: b.name, address });
      expect(await a.client.peers()).toContainEqual(expect.objectContaining({ id: b.id, connected: true }));
      await close();
    });

    test('an idempotent request is asked again when its connection breaks, any other is not', async () => {
      const { a, b, close } = await makePair();
      let started = Promise.withResolvers<void>();
      const asked = { once: 0, again: 0 };
      for (const service of ['once', 'again'] as const)
        await b.client.handle(service, async ({ signal, payload }) => {
          asked[service] += 1;
          started.resolve();
          if (asked[service] > 1) return payload;
          await aborted(signal);
          return new Uint8Array();
        });
      for (const service of ['once', 'again'] as const) {
        started = Promise.withResolvers();
        const idempotent = service === 'again';
        const answer = a.client.request(b.id, bytes('whole'), { service, idempotent });
        answer.catch(() => {});
        await started.promise;
        await a.client.disconnect(b.id);
        if (idempotent) expect(text(await answer)).toBe('whole');
        else expect((await failure(answer)).code).toBe('disconnected');
      }
      expect(asked).toEqual({ once: 1, again: 2 });
      await close();
    });

    test('closing the client ends what it iterates, without an error, and its calls with stopped', async () => {
      const { a, b, close } = await makePair();
      const { client } = a;
      const [subscription, watch] = [await client.subscribe('closing'), await client.watch()];
      const read = async (messages: AsyncIterable<unknown>) => {
        for await (const _ of messages);
      };
      const reading = Promise.all([read(subscription), read(watch)]);
      await b.client.handle('stuck', ({ signal }) => aborted(signal).then(() => new Uint8Array()));
      const call = failure(client.request(b.id, bytes('x'), { service: 'stuck' }));
      await client.close();
      await reading;
      expect((await call).code).toBe('stopped');
      expect((await failure(client.status())).code).toBe('stopped');
      await close();
    });

    test('connect and disconnect say what is wrong with a peer', async () => {
      const { a, close } = await makePair();
      const { client } = a;
      for (const act of [() => client.connect('no-such-peer'), () => client.disconnect('no-such-peer')])
        expect((await failure(act())).code).toBe('unknown-peer');
      for (const act of [() => client.connect('/ip4/x'), () => client.disconnect('/ip4/x')])
        expect((await failure(act())).code).toBe('invalid');
      expect((await failure(client.connect(a.id))).code).toBe('invalid');
      expect((await failure(client.disconnect(a.name))).code).toBe('invalid');
      expect((await failure(client.connect('/ip4/127.0.0.1/tcp/1'))).code).toBe('unreachable');
      await close();
    });
  });
}
