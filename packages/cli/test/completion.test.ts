import { expect, test } from 'vitest';
import { candidatesFor, type Sources, type Which } from '../src/completion/candidates.ts';
import { createProgram } from '../src/program.ts';

const one = (value: string) => [{ value, description: '' }];
const asked: Which[] = [];
const sources: Sources = {
  daemons: async () => [...one('alice'), ...one('bob')],
  peers: async (which) => {
    asked.push(which);
    return one('carol');
  },
  topics: async () => one('news'),
};

/** What the last word of a line can become. */
async function complete(line: string): Promise<readonly string[] | string> {
  const found = await candidatesFor(await createProgram(), line.split(' '), sources);
  return typeof found === 'string' ? found : found.map(({ value }) => value);
}

test.each([
  ['a command', 'sta', ['start', 'status']],
  ['a command below another', 'config c', ['check']],
  ['an option of the command', 'request --se', ['--service']],
  ['an option of every command', 'request --soc', ['--socket']],
  ['a value of an option', 'start --profile l', ['local', 'lan']],
  ['a value after =', 'start --profile=la', ['--profile=lan']],
  ['the same as bash splits it', 'start --profile = la', ['lan']],
  ['nothing after = yet, as bash splits it', 'start --discovery =', ['on', 'off']],
  ['the name of a daemon that runs', 'status --name a', ['alice']],
  ['before the command too', '--name b', ['bob']],
  ['a command after an option with a value', '--name bob stat', ['status']],
  ['no name for a daemon that is to be started', 'start --name a', []],
  ['a peer', 'request ', ['carol']],
  ['a peer whose way is asked for', 'trace ', ['carol']],
  ['what a demonstration shows', 'demo m', ['mesh']],
  ['no peer for the second argument', 'request carol ', []],
  ['one of many topics', 'subscribe weather --count 3 n', ['news']],
  ['an argument with a choice', 'completion ', ['bash', 'zsh', 'fish']],
  ['no option after --', 'request -- --js', []],
  ['nothing of what is unknown', 'nonsense --x y', []],
])('%s: peerd %s', async (_, line, expected) => {
  expect(await complete(line)).toEqual(expected);
});

test.each([
  ['start --config ', 'files'],
  ['--socket ', 'files'],
  ['start --data ', 'directories'],
])('paths are for the shell: peerd %s', async (line, expected) => {
  expect(await complete(line)).toBe(expected);
});

test('the daemon that the line names is the one that is asked', async () => {
  asked.length = 0;
  await complete('ping --name = bob ca');
  await complete('ping --socket=/run/x.sock ca');
  expect(asked).toEqual([{ name: 'bob' }, { socket: '/run/x.sock' }]);
});

test('every visible command can be completed', async () => {
  const program = await createProgram();
  const names = program
    .createHelp()
    .visibleCommands(program)
    .map((each) => each.name());
  expect(await complete('')).toEqual(names);
});
