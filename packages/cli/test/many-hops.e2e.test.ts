import type { InboundRequest, RequestHandler } from '@peerd/protocol';
import { PeerdError } from '@peerd/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completionScript } from '../src/completion/scripts.ts';
import { HopsNetwork, type HopsNode } from './hops.ts';
import { undocumented } from './json-types.ts';
import { errorIn } from './sandbox.ts';

const strategies = ['table', 'source'];
const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (payload: Uint8Array): string => Buffer.from(payload).toString();
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** What a call ends with. */
const code = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'answered',
    (error: unknown) => (error instanceof PeerdError ? error.code : error),
  );

describe.each(strategies)('in a chain of four daemons, the strategy being %s, the first', (strategy) => {
  let chain: HopsNetwork<'alice' | 'bob' | 'carol' | 'dave'>;
  beforeAll(async () => {
    const links = { alice: [], bob: ['alice'], carol: ['bob'], dave: ['carol'] } as const;
    chain = await HopsNetwork.start(links, ['--routing-strategy', strategy]);
    await chain.know('alice', 'dave');
  });
  afterAll(() => chain[Symbol.asyncDispose]());

  let services = 0;
  /** A service of a test's own at the last. */
  async function serve(handler: RequestHandler): Promise<string> {
    services += 1;
    await chain.node('dave').client.handle(`service-${services}`, handler);
    return `service-${services}`;
  }
  const alice = () => chain.node('alice');
  const dave = () => chain.node('dave');
  test('asks the last by its name and by its id, and both know whom they talk to', async () => {
    let seen: InboundRequest | undefined;
    const service = await serve((request) => {
      seen = request;
      return bytes(`heard ${text(request.payload)}`);
    });
    for (const peer of ['dave', dave().info.id]) {
      const paths: unknown[] = [];
      const onPath = (path: unknown) => paths.push(path);
      const answer = await alice().client.request(peer, bytes('hello'), { service, onPath });
      expect(text(answer)).toBe('heard hello');
      expect(seen).toMatchObject({ peer: alice().info.id, peerName: 'alice', service });
      const path = (['bob', 'carol', 'dave'] as const).map((name) => ({
        peer: chain.node(name).info.id,
        name,
      }));
      expect(paths).toEqual([path]);
    }
    const { peers } = await alice().client.status();
    expect(peers.connected).toBe(1);
  });

  test('gets its answers from a command too, with the path', async () => {
    const reply = chain.sandbox.spawn(['reply', '--exec', 'tr a-z A-Z', '--name', 'dave'], { stdin: '' });
    await reply.says('ready');
    const asked = await chain.sandbox.run(['request', 'dave', 'hello', '--json', '--name', 'alice']);
    expect(undocumented('peerd request', asked.stdout)).toEqual([]);
    const { payload, peerId, path } = JSON.parse(`${asked.stdout}`);
    expect({ payload, peerId }).toEqual({ payload: 'HELLO', peerId: dave().info.id });
    expect(path.map(({ name }: { name: string }) => name)).toEqual(['bob', 'carol', 'dave']);
    expect((await reply.kill('SIGINT')).status).toBe(0);
  });

  test('keeps two hundred calls at once apart', async () => {
    const service = await serve(async ({ payload }) => payload);
    const asked = Array.from({ length: 200 }, (_, index) => `call ${index}`);
    const answers = await Promise.all(
      asked.map((each) => alice().client.request('dave', bytes(each), { service })),
    );
    expect(answers.map(text)).toEqual(asked);
  });

  test('carries 1 MiB there and back unchanged', async () => {
    const service = await serve(({ payload }) => payload);
    const payload = Uint8Array.from({ length: 1 << 20 }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
    const answer = await alice().client.request('dave', payload, { service });
    expect(Buffer.compare(answer, payload)).toBe(0);
  });

  test('reads a stream of answers in order, larger than all windows on the way', async () => {
    const service = await serve(async function* () {
      for (let index = 0; index < 300; index += 1) yield bytes(`${index} `.padEnd(10_000, '.'));
    });
    let next = 0;
    for await (const answer of alice().client.requestStream('dave', bytes('x'), { service })) {
      expect(Number.parseInt(text(answer), 10)).toBe(next);
      expect(answer.length).toBe(10_000);
      next += 1;
    }
    expect(next).toBe(300);
  });

  test('cancels a call, leaves a stream, or runs out of time, and the last hears of each', async () => {
    const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const ended: string[] = [];
    const [heard, service] = [
      Promise.withResolvers<void>(),
      await serve(async ({ payload, signal }) => {
        started.shift()?.resolve();
        await aborted(signal);
        ended.push(text(payload));
        if (ended.length === 2) heard.resolve();
        return payload;
      }),
    ];
    const [begun] = started;
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('changed my mind');
    const cancelled = code(alice().client.request('dave', bytes('cancelled'), { service, signal }));
    await begun?.promise;
    controller.abort(reason);
    expect(await cancelled).toBe(reason);
    const late = alice().client.request('dave', bytes('late'), { service, timeoutMs: 300 });
    expect(await code(late)).toBe('timeout');
    await heard.promise;
    expect(ended).toEqual(['cancelled', 'late']);

    const left = Promise.withResolvers<void>();
    const stream = await serve(async function* ({ signal: gone }) {
      void aborted(gone).then(() => left.resolve());
      for (;;) yield bytes('again');
    });
    for await (const answer of alice().client.requestStream('dave', bytes('x'), { service: stream })) {
      expect(text(answer)).toBe('again');
      break;
    }
    await left.promise;
  });

  test('hears a refusal with its reason, who may not ask, and that nobody handles it', async () => {
    const refuses = await serve(() => {
      throw new PeerdError('refused', 'not on a Sunday');
    });
    const refused = await alice()
      .client.request('dave', bytes('x'), { service: refuses })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'refused', message: expect.stringContaining('not on a Sunday') });
    const access = { peers: [chain.node('bob').info.id] };
    await dave().client.handle('for-bob', ({ payload }) => payload, { access });
    const ask = (from: 'alice' | 'bob', service: string) => code(chain.ask(from, 'dave', 'x', { service }));
    expect(await ask('alice', 'for-bob')).toBe('forbidden');
    expect(await ask('bob', 'for-bob')).toBe('answered');
    expect(await ask('alice', 'nobody-has-this')).toBe('no-handler');
  });

  test('pings the last over the others, and says so', async () => {
    const ping = (...args: string[]) => chain.sandbox.run(['ping', ...args, '--name', 'alice']);
    const shown = await ping('dave');
    expect(`${shown.stdout}`).toMatch(new RegExp(`^${dave().info.id}: \\d+\\.\\d\\d ms, over others\n$`));
    const { stdout } = await ping('dave', '--json');
    expect(undocumented('peerd ping', stdout)).toEqual([]);
    expect(JSON.parse(`${stdout}`)).toEqual({
      peer: dave().info.id,
      rttMs: expect.any(Number),
      routed: true,
    });
    expect(`${(await ping('bob')).stdout}`).not.toContain('over others');
  });

  test('is told that others are reached over others, not by a connection', async () => {
    const run = (...args: string[]) => chain.sandbox.run([...args, '--name', 'alice']);
    expect(`${(await run('status')).stdout}`).toMatch(
      /^peers +1 connected, 1 known, 2 over others \(peerd routes\)$/m,
    );
    expect(JSON.parse(`${(await run('status', '--json')).stdout}`).peers).toMatchObject({ routed: 2 });
    expect(`${(await run('peers')).stderr}`).toBe(
      '2 peers without a connection can be reached over others: peerd routes\n',
    );
    const refused = await run('connect', 'dave');
    expect(refused.status).toBe(5);
    expect(`${refused.stderr}`).toMatch(
      /can't be connected to: .+; requests reach it over others \(`peerd trace dave`\) \(unreachable\)\n$/,
    );
    expect(`${(await run('disconnect', 'dave')).stdout}`).toBe('there was no connection to dave\n');
  });

  test('completes the names of all that it reaches', async () => {
    const script = `${completionScript('bash', 'peerd')}
      COMP_WORDS=(peerd ping --name alice ''); COMP_CWORD=4
      set -- $(complete -p peerd); "$3"; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await chain.sandbox.shellIn('bash', script).ended;
    expect(`${stdout}`.trim().split('\n').sort()).toEqual(['bob', 'carol', 'dave']);
  });

  test('sees each hop of the way, with its round trip', async () => {
    const { stdout, status } = await chain.sandbox.run(['trace', 'dave', '--json', '--name', 'alice']);
    expect(status).toBe(0);
    expect(undocumented('peerd trace', stdout)).toEqual([]);
    const names = ['bob', 'carol', 'dave'] as const;
    expect(JSON.parse(`${stdout}`)).toEqual({
      peer: dave().info.id,
      name: 'dave',
      hops: names.map((name, index) => ({
        hop: index + 1,
        peer: chain.node(name).info.id,
        name,
        rttMs: expect.any(Number),
      })),
    });
    const shown = await chain.sandbox.run(['trace', 'dave', '--name', 'alice']);
    const lines = `${shown.stdout}`.trim().split('\n');
    for (const [index, name] of names.entries())
      expect(lines[index]).toMatch(new RegExp(`^${index + 1}  ${name} +12D3\\S+ +\\d+\\.\\d\\d ms$`));
    const nowhere = await chain.sandbox.run(['trace', 'nobody', '--json', '--name', 'alice']);
    expect({ status: nowhere.status, code: errorIn(nowhere).code }).toEqual({
      status: 5,
      code: 'unknown-peer',
    });
    dave().child.kill('SIGSTOP');
    const late = await chain.sandbox.run([
      'trace',
      'dave',
      '--timeout',
      '500ms',
      '--json',
      '--name',
      'alice',
    ]);
    dave().child.kill('SIGCONT');
    expect({ status: late.status, ...errorIn(late) }).toMatchObject({
      status: 6,
      code: 'timeout',
      message: expect.stringContaining('the last who did is carol, at hop 2'),
    });
  });
});

/** A service of dave that answers a call when it is released. */
async function holding(network: { node(name: 'dave'): HopsNode }) {
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const service = 'holding';
  await network.node('dave').client.handle(service, async ({ payload }) => {
    asked.resolve();
    await released.promise;
    return payload;
  });
  return { service, asked: asked.promise, release: released.resolve };
}

describe.each(strategies)('when a daemon on the way is gone, the strategy being %s', (strategy) => {
  const options = ['--routing-strategy', strategy];

  // They wait, most of their time.
  test.concurrent.for(['SIGKILL', 'SIGSTOP'] as const)(
    'the ways over it are gone within 10 s of %s, and there again when it is back',
    async (signal, { expect }) => {
      const links = { alice: [], bob: ['alice'], carol: ['bob'], dave: ['carol'] } as const;
      await using chain = await HopsNetwork.start(links, options);
      await chain.know('alice', 'dave');
      const { asked, release, service } = await holding(chain);
      await chain.node('dave').client.handle('', ({ payload }) => payload);
      expect((await chain.ask('alice', 'dave', 'before')).answer).toBe('before');
      const inFlight = code(chain.ask('alice', 'dave', 'held', { service, timeoutMs: 60_000 }));
      await asked;
      const carol = chain.node('carol');
      carol.child.kill(signal);
      await expect.poll(() => chain.reach('alice'), { timeout: 10_000 }).toEqual(['bob']);
      const lost = chain.ask('alice', 'dave', 'lost', { timeoutMs: 1_000 });
      expect(['unreachable', 'unknown-peer', 'timeout']).toContain(await code(lost));
      if (signal === 'SIGSTOP') {
        carol.child.kill('SIGCONT');
        release();
        expect(await inFlight).toBe('answered');
      } else {
        await carol.ended;
        expect(await inFlight).toBe('disconnected');
        const [address = ''] = carol.info.addresses;
        const bob = chain.node('bob').info.addresses[0] as string;
        const listen = address.replace(/\/p2p\/.*/, '');
        await chain.sandbox.start('carol', [
          '--discovery',
          'off',
          '--listen',
          listen,
          '--peer',
          bob,
          ...options,
        ]);
      }
      await chain.know('alice', 'dave');
      const again = await chain.ask('alice', 'dave', 'again');
      expect(again).toEqual({ answer: 'again', path: ['bob', 'carol', 'dave'] });
    },
  );

  test.concurrent('the next request takes the other way, and the answer to one in flight does too', async ({
    expect,
  }) => {
    const links = { alice: [], bob: ['alice'], carol: ['alice'], dave: ['bob', 'carol'] } as const;
    await using ring = await HopsNetwork.start(links, options);
    await ring.know('alice', 'dave');
    const { asked, release, service } = await holding(ring);
    await ring.node('dave').client.handle('', ({ payload }) => payload);
    const { path } = await ring.ask('alice', 'dave', 'first');
    const [used] = path as ('bob' | 'carol')[];
    expect(path).toEqual([used, 'dave']);
    const other = used === 'bob' ? 'carol' : 'bob';
    const inFlight = ring.ask('alice', 'dave', 'held', { service });
    await asked;
    ring.node(used as 'bob' | 'carol').child.kill('SIGKILL');
    expect(await ring.ask('alice', 'dave', 'second')).toEqual({ answer: 'second', path: [other, 'dave'] });
    release();
    expect((await inFlight).answer).toBe('held');
  });
});
