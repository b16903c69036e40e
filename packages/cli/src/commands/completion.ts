import { Argument, Command } from 'commander';
import { type Shell, shells } from '../completion/scripts.ts';
import { outputOf } from '../context.ts';
import { withExamples } from '../examples.ts';
import { programPath } from '../invocation.ts';
import type { CompletionJson } from '../json/program.ts';

export function completionCommand(): Command {
  const command = new Command('completion')
    .description('Print what makes a shell complete peerd commands')
    .addArgument(new Argument('<shell>').choices(shells))
    .action(async (shell: Shell) => {
      const { completionScript } = await import('../completion/scripts.ts');
      const script = completionScript(shell, programPath());
      outputOf(command).result(script.trimEnd(), { shell, script } satisfies CompletionJson);
    });
  return withExamples(
    command,
    [
      'peerd completion bash >> ~/.bashrc',
      'source <(peerd completion zsh)',
      'peerd completion fish | source',
    ],
    `To have it always, put it into ~/.bashrc, into ~/.zshrc after compinit, or into
~/.config/fish/completions/peerd.fish. It completes commands, options, and the names of running daemons, of peers and of
topics.`,
  );
}

/** What the script of a shell calls. */
export function completeCommand(): Command {
  const command = new Command('complete').argument('[word...]').action(async (words: string[]) => {
    const { candidatesFor } = await import('../completion/candidates.ts');
    const { liveSources } = await import('../completion/sources.ts');
    const candidates = await candidatesFor(command.parent ?? command, words, liveSources);
    const output = outputOf(command);
    if (typeof candidates === 'string') output.text(`:${candidates}`);
    else for (const { value, description } of candidates) output.text(`${value}\t${description}`);
  });
  return command;
}
