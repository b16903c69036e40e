import { Command } from 'commander';
import { outputOf } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { KeygenJson } from '../json/identity.ts';

export function keygenCommand(): Command {
  const command = new Command('keygen')
    .description('Make a fresh secret, for `secret` in a configuration file')
    .action(async () => {
      const output = outputOf(command);
      const { encodeSecret, generateSecret, peerIdOf } = await import('@peerd/daemon');
      const bytes = await generateSecret();
      const secret = encodeSecret(bytes);
      const id = await peerIdOf(bytes);
      if (!output.json) output.note(`the secret of peer ${id}: whoever has it is that peer`);
      output.result(secret, { secret, id } satisfies KeygenJson);
    });
  return withExamples(command, ['peerd keygen', 'peerd keygen --json']);
}
