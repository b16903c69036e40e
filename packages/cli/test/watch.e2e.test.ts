import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { undocumented } from './json-types.ts';
import { errorIn, type Running, type RunningDaemon, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let bob: RunningDaemon;
beforeEach(async () => {
  sandbox = await Sandbox.make();
  ({ bob } = await sandbox.pair());
});
afterEach(() => sandbox.close());

/** The next event that is none of a route: those come when neighbours have talked, between any others. */
async function eventOf(watch: Running): Promise<unknown> {
  for (;;) {
    const event = JSON.parse(await watch.line());
    if (!`${event.event}`.startsWith('route-')) return event;
  }
}

test('watch tells of services, topics and peers as they come and go', async () => {
  const watch = sandbox.spawn(['watch', '--json', '--name', 'alice'], { stdin: '' });
  const text = sandbox.spawn(['watch', '--name', 'alice'], { stdin: '' });
  expect(await eventOf(watch)).toEqual({ event: 'watching', daemon: 'alice' });
  await text.says('watching alice');
  const reply = sandbox.spawn(['reply', '--echo', '--service', 'news', '--name', 'alice'], { stdin: '' });
  expect(await eventOf(watch)).toMatchObject({
    event: 'service-added',
    service: 'news',
    missed: 0,
  });
  await reply.says('ready');
  await reply.kill('SIGINT');
  expect(await eventOf(watch)).toMatchObject({ event: 'service-removed', service: 'news' });
  const subscribe = sandbox.spawn(['subscribe', 'weather', '--name', 'alice'], { stdin: '' });
  expect(await eventOf(watch)).toMatchObject({ event: 'topic-joined', topic: 'weather' });
  await subscribe.says('hearing');
  await subscribe.kill('SIGINT');
  expect(await eventOf(watch)).toMatchObject({ event: 'topic-left', topic: 'weather' });
  await bob.kill('SIGKILL');
  const gone = { event: 'peer-disconnected', peer: bob.info.id, name: 'bob' };
  expect(await eventOf(watch)).toMatchObject(gone);
  const strange = await sandbox.start('mallory', ['--network', 'another']);
  const address = strange.info.addresses[0] as string;
  expect((await sandbox.run(['connect', address, '--name', 'alice'])).status).not.toBe(0);
  expect(await eventOf(watch)).toMatchObject({ event: 'peer-refused', peer: strange.info.id });

  const { status, stdout } = await watch.kill('SIGINT');
  expect(status).toBe(0);
  expect(undocumented('peerd watch', stdout)).toEqual([]);
  const lines = `${(await text.kill('SIGINT')).stdout}`
    .trim()
    .split('\n')
    .filter((line) => !line.includes('  route-'));
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}service-added {6}news$/);
  expect(lines[4]).toContain(`peer-disconnected  ${bob.info.id}  bob`);
});

test('watch tells who can be reached over others, and who can not any more', async () => {
  const watch = sandbox.spawn(['watch', '--json', '--name', 'alice'], { stdin: '' });
  expect(await eventOf(watch)).toEqual({ event: 'watching', daemon: 'alice' });
  const next = async (event: string, name: string) => {
    for (;;) {
      const told = JSON.parse(await watch.line());
      if (told.event === event && told.name === name) return told;
    }
  };
  const alone = ['--discovery', 'off', '--peer', bob.info.addresses[0] as string];
  const carol = await sandbox.start('carol', alone);
  expect(await next('route-found', 'carol')).toMatchObject({ peer: carol.info.id, missed: 0 });
  await carol.kill('SIGKILL');
  expect(await next('route-lost', 'carol')).toMatchObject({ peer: carol.info.id });
  expect(undocumented('peerd watch', (await watch.kill('SIGINT')).stdout)).toEqual([]);
});

test('top shows the queues and the programs of a daemon, and what a refusal counts', async () => {
  const few = await sandbox.start('few', [], { env: { PEERD_LIMITS_MAX_OUTBOUND_CALLS: '1' } });
  const address = bob.info.addresses[0] as string;
  const hangs = sandbox.spawn(['reply', '--exec', 'sleep 30', '--json', '--name', 'bob'], { stdin: '' });
  await hangs.line();
  const call = sandbox.spawn(['request', address, 'x', '--name', 'few'], { stdin: '' });
  expect(JSON.parse(await hangs.line())).toMatchObject({ event: 'asked', peer: few.info.id });
  expect((await sandbox.run(['request', address, 'x', '--name', 'few'])).status).toBe(7);
  const { stdout } = await sandbox.run(['top', '--json', '--name', 'few']);
  expect(undocumented('peerd top', stdout)).toEqual([]);
  const top = JSON.parse(`${stdout}`);
  expect(top.queues).toContainEqual({ name: 'outbound calls', unit: 'items', size: 1, limit: 1, refused: 1 });
  const page = await readFile(new URL('../../../docs/reference/limits.md', import.meta.url), 'utf8');
  const names = top.queues.map(({ name }: { name: string }) => name.replace(/ ".*"$/, ''));
  expect(names.filter((name: string) => !page.includes(`*${name}*`))).toEqual([]);
  expect(top.calls).toMatchObject({ outbound: 1, inbound: 0 });
  // Without what the daemon has reserved and never touches.
  expect(top.memory.externalBytes).toBeLessThan(100 * 1024 * 1024);
  // The call, and top itself.
  expect(top.clients.map(({ program }: { program: string }) => program).sort()).toEqual([
    'peerd request',
    'peerd top',
  ]);
  const text = await sandbox.run(['top', '--name', 'few']);
  expect(`${text.stdout}`).toMatch(/^daemon {3}few, up /);
  expect(`${text.stdout}`).toMatch(/^outbound calls +1 +1 +100 % +1$/m);
  expect((await call.kill('SIGINT')).status).toBe(130);
});

test('top --interval goes on, one snapshot after the other', async () => {
  const top = sandbox.spawn(['top', '--json', '--interval', '100ms', '--name', 'alice'], { stdin: '' });
  const [first, second] = [JSON.parse(await top.line()), JSON.parse(await top.line())];
  expect(second.timeMs).toBeGreaterThan(first.timeMs);
  expect(second.loop.inputs).toBeGreaterThan(first.loop.inputs);
  const { status } = await top.kill('SIGINT');
  expect(status).toBe(0);
});

test('top refuses an interval that is no pause', async () => {
  const result = await sandbox.run(['top', '--json', '--interval', '0s', '--name', 'alice']);
  expect(result.status).toBe(2);
  expect(errorIn(result)).toEqual({ code: 'invalid', message: '--interval is 0ms: expected 100ms or more' });
});

test('a topic with a line end in its name is one line of status and of topics', async () => {
  const subscribe = sandbox.spawn(['subscribe', 'news\n9  9  fake', '--name', 'alice'], { stdin: '' });
  await subscribe.says('hearing');
  const [status, topics] = await Promise.all([
    sandbox.run(['status', '--name', 'alice']),
    sandbox.run(['topics', '--name', 'alice']),
  ]);
  expect(`${status.stdout}`).toContain('news\\n9  9  fake\n');
  expect(`${topics.stdout}`).toBe('1  0  news\\n9  9  fake\n');
  await subscribe.kill('SIGINT');
});
