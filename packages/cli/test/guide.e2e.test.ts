import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, Sandbox } from './sandbox.ts';

const page = readFileSync(new URL('../../../docs/guide/many-hops.md', import.meta.url), 'utf8');

/** The command lines of the page, in order, each with what its comment says. */
const lines = [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
  .flatMap(([, language, block = '']) => (language === '' ? block.split('\n') : []))
  .filter((line) => line.startsWith('peerd '))
  .map((line) => {
    const [command = '', comment = ''] = line.split(/ +# /);
    return { command, comment };
  });

/** What goes on until Ctrl-C says, when it has begun. */
const begun = { start: 'Ctrl-C stops it', reply: 'ready: ' };

let sandbox: Sandbox;
/** The ports that the page names, and those that the daemons have. */
const ports = new Map<string, string>();
beforeAll(async () => {
  sandbox = await Sandbox.make();
});
afterAll(() => sandbox.close());

async function begin(command: string): Promise<void> {
  const [, verb = ''] = command.split(' ');
  const listen = /--listen \S+\/tcp\/(\d+)/.exec(command)?.[1];
  const running: Running = sandbox.shell(command.replace(`/tcp/${listen}`, '/tcp/0'));
  await expect
    .poll(() => running.stdout + running.stderr, { timeout: 20_000 })
    .toContain(begun[verb as keyof typeof begun]);
  if (listen === undefined) return;
  const port = /\/tcp\/(\d+)\/p2p/.exec(running.stdout)?.[1];
  ports.set(listen, port as string);
}

const routesOfAda = async () => `${(await sandbox.run(['routes', '--name', 'ada'])).stdout}`;

test('what the page on many hops says to type works as it stands', async () => {
  const outputs = new Map<string, string>();
  expect(lines).toHaveLength(page.match(/^peerd /gm)?.length ?? 0);
  for (const { command, comment } of lines) {
    const line = [...ports].reduce(
      (text, [named, port]) => text.replace(`/tcp/${named}`, `/tcp/${port}`),
      command,
    );
    if (/^peerd (start|reply) /.test(line)) await begin(line);
    else {
      // A person at the keyboard is slower than routes are told.
      const isPeers = line.startsWith('peerd peers ');
      const [, peer] = isPeers ? ['', 'dan'] : (/^peerd (?:request|trace) (\w+)/.exec(line) ?? []);
      if (peer !== undefined) await expect.poll(routesOfAda, { timeout: 20_000 }).toContain(` ${peer} `);
      const { status, stdout, stderr } = await sandbox.shell(line, { stdin: '' }).ended;
      const note = isPeers ? '2 peers without a connection can be reached over others: peerd routes\n' : '';
      expect({ line, status, stderr: `${stderr}` }).toEqual({ line, status: 0, stderr: note });
      outputs.set(command, `${stdout}`);
      if (/^[A-Z]+$/.test(comment)) expect(`${stdout}`).toBe(comment);
      if (comment.startsWith('with the path')) {
        const names = JSON.parse(`${stdout}`).path.map(({ name }: { name: string }) => name);
        expect(names.join(', ')).toBe(comment.replace('with the path: ', ''));
      }
    }
  }
  const out = (part: string) => [...outputs].find(([command]) => command.includes(part))?.[1] ?? '';
  expect(out('peers --name ada')).toMatch(/^12D3\S+ +ben +connected [^\n]*\n$/);
  const way = (peer: string) => out(`trace ${peer}`).match(/ben|cleo|dan|eve/g);
  expect([way('dan'), way('eve')]).toEqual([
    ['ben', 'cleo', 'dan'],
    ['ben', 'cleo', 'dan', 'eve'],
  ]);
});
