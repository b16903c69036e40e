import { Command } from 'commander';
import { interruption, outputOf } from '../context.ts';
import { withExamples } from '../examples.ts';

export function demoCommand(): Command {
  const command = new Command('demo')
    .description('Show it all: two daemons, a request, a broadcast, one killed')
    .action(async () => {
      const [{ perform }, { tour }] = await Promise.all([
        import('../demo/stage.ts'),
        import('../demo/tour.ts'),
      ]);
      await perform(outputOf(command), interruption(), tour);
    });
  return withExamples(
    command,
    ['peerd demo'],
    'It uses a network and folders of its own and leaves nothing behind. Exit status 0: all of it was seen.',
  );
}
