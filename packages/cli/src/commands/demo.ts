import { Argument, Command, Option } from 'commander';
import { interruption, outputOf, usage } from '../context.ts';
import { withExamples } from '../examples.ts';

/** What there is to see, the first unless another is asked for. */
const demos = ['tour', 'mesh'] as const;

/** How the daemons of the mesh find ways. */
const strategies = ['table', 'source'] as const;

interface Options {
  strategy?: (typeof strategies)[number];
}

export function demoCommand(): Command {
  const command = new Command('demo')
    .description('Show what peerd does, with daemons of its own')
    .addArgument(new Argument('[what]', 'what to show (default: tour)').choices(demos))
    .addOption(
      new Option('--strategy <strategy>', 'of the mesh: how ways are found (default: table)').choices(
        strategies,
      ),
    )
    .action(async (what: (typeof demos)[number] = 'tour', { strategy }: Options) => {
      if (what !== 'mesh' && strategy !== undefined) throw usage('--strategy is for peerd demo mesh');
      const [{ perform }, { tour }, { mesh }] = await Promise.all([
        import('../demo/stage.ts'),
        import('../demo/tour.ts'),
        import('../demo/mesh.ts'),
      ]);
      await perform(outputOf(command), interruption(), async (stage) => {
        if (what === 'mesh') await mesh(stage, strategy ?? 'table');
        else await tour(stage);
      });
    });
  return withExamples(
    command,
    ['peerd demo', 'peerd demo mesh', 'peerd demo mesh --strategy source'],
    `The tour: two daemons, a request, a broadcast, one killed. The mesh: six daemons of which not all are linked; one asks another
over those between, a link on that path is cut, and it asks again. Either uses a network and folders of its own and leaves
nothing behind. Exit status 0: all of it was seen.`,
  );
}
