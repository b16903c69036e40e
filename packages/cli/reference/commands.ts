import type { Command } from 'commander';

export interface NamedCommand {
  /** As it is typed, such as `peerd config show`. */
  name: string;
  command: Command;
}

/** The visible commands of a program, each followed by those below it. */
export function visibleCommands(above: Command, name: string = above.name()): NamedCommand[] {
  const visible = above.createHelp().visibleCommands(above);
  return visible
    .filter((command) => command.name() !== 'help')
    .flatMap((command) => {
      const own = `${name} ${command.name()}`;
      return [{ name: own, command }, ...visibleCommands(command, own)];
    });
}
