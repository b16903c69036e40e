import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completionScript } from '../src/completion/scripts.ts';
import { undocumented } from './json-types.ts';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.make();
  await sandbox.pair();
});
afterAll(() => sandbox.close());

const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

/** What a shell offers for a line. */
async function offered(shell: 'bash' | 'zsh' | 'fish', line: string): Promise<string[]> {
  const script = `${asks[shell].first}
${completionScript(shell, 'peerd')}
${asks[shell].ask(line)}`;
  const result = await sandbox.shellIn(shell, script).ended;
  expect(result.stderr).toBe('');
  return `${result.stdout}`.split('\n').filter((each) => each !== '');
}

/** What has to be there first, and what asks as the shell does when Tab is pressed. */
const asks = {
  bash: {
    first: '',
    // The words of the line, split also at each =.
    ask: (line: string) => {
      const words = line.split(/ |(=)/).filter((word) => word !== undefined);
      return `COMP_WORDS=(peerd ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
        set -- $(complete -p peerd); "$3"; printf '%s\\n' "\${COMPREPLY[@]}"`;
    },
  },
  zsh: {
    // Its completion system is there only on a terminal.
    first: `compdef() { :; }; _describe() { print -rl -- "\${(@)candidates%%:*}"; }`,
    ask: (line: string) =>
      `words=(peerd ${line
        .split(' ')
        .map((word) => `'${word}'`)
        .join(' ')}); CURRENT=$#words; _peerd`,
  },
  fish: {
    first: '',
    ask: (line: string) => `complete -C 'peerd ${line}' | string split -f1 \\t`,
  },
};

describe.each(['bash', 'zsh', 'fish'] as const)('completion in %s', (shell) => {
  test.runIf(has(shell))(
    'offers commands, options, and the names of running daemons and of peers',
    async () => {
      expect(await offered(shell, 'sta')).toEqual(['start', 'status']);
      expect(await offered(shell, 'request --serv')).toEqual(['--service']);
      expect(await offered(shell, 'status --name ')).toEqual(['alice', 'bob']);
      expect(await offered(shell, 'request --name alice b')).toEqual(['bob']);
      expect(await offered(shell, 'status --name=a')).toEqual([shell === 'bash' ? 'alice' : '--name=alice']);
      // What is typed is not run.
      expect(await offered(shell, 'request "$(touch ran)" --serv')).toEqual(['--service']);
      expect((await sandbox.shell('test ! -e ran').ended).status).toBe(0);
    },
  );
});

test('completion --json is as documented', async () => {
  expect(
    undocumented('peerd completion', (await sandbox.run(['completion', 'fish', '--json'])).stdout),
  ).toEqual([]);
});
