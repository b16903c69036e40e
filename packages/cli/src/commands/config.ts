import { basename } from 'node:path';
import process from 'node:process';
import type { ConfigEntry } from '@peerd/daemon';
import { Command } from 'commander';
import { type ConfigFlags, configOptionsOf, withConfigOptions } from '../config-options.ts';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { ConfigCheckJson, ConfigReloadJson, ConfigShowJson } from '../json/daemon.ts';
import { table } from '../table.ts';

export function configCommand(): Command {
  const command = new Command('config').description('Check, show and reload the configuration of a daemon');
  for (const below of [checkCommand(), showCommand(), reloadCommand()]) command.addCommand(below);
  return withExamples(
    command,
    ['peerd config check --config peerd.toml', 'peerd config show --name alice'],
    `The configuration is read as \`peerd start\` with the same flags would read it: the file, then PEERD_ variables, then
flags. Without --config and PEERD_CONFIG the file is NAME.toml or config.toml in ~/.config/peerd ($XDG_CONFIG_HOME).`,
  );
}

function checkCommand(): Command {
  const command = withConfigOptions(
    new Command('check').description('Say what is wrong with a configuration, all of it'),
  ).action(async () => {
    const output = outputOf(command);
    const { loadConfig } = await import('@peerd/daemon');
    const { file, warnings } = await loadConfig(
      await configOptionsOf(command.optsWithGlobals<ConfigFlags>()),
    );
    for (const warning of warnings) output.note(`warning: ${warning}`);
    const json: ConfigCheckJson = { ok: true, file: file ?? null, warnings: [...warnings] };
    output.result(`ok: ${file ?? 'no file, the defaults'}`, json);
  });
  return withExamples(
    command,
    ['peerd config check', 'peerd config check --config peerd.toml --json'],
    'Exit status 2 when something is wrong: then each line is one mistake, with its place and its key.',
  );
}

function showCommand(): Command {
  const command = withConfigOptions(
    new Command('show').description('Show every key, its value, and where that comes from'),
  ).action(async () => {
    const output = outputOf(command);
    const { describeConfig, loadConfig } = await import('@peerd/daemon');
    const config = await loadConfig(await configOptionsOf(command.optsWithGlobals<ConfigFlags>()));
    for (const warning of config.warnings) output.note(`warning: ${warning}`);
    const entries = describeConfig(config);
    const rows = entries.map((entry) => [entry.key, textOf(entry), sourceCell(entry, config.file)]);
    const lines = await table(['KEY', 'VALUE', 'FROM'], rows, { narrow: 1 });
    if (!output.json) output.note(config.file === undefined ? 'no file is read' : `file: ${config.file}`);
    output.result(lines.join('\n'), {
      file: config.file ?? null,
      values: entries.map(({ key, value, source, isRedacted }) => ({
        key,
        value,
        source,
        ...(isRedacted ? { redacted: true } : {}),
      })),
    } satisfies ConfigShowJson);
  });
  return withExamples(
    command,
    ['peerd config show --name alice', 'peerd config show --config peerd.toml --json'],
    `The last column is where the value comes from: default, FILE:LINE, a variable or a flag. Secrets are not shown. With
--json a value is as it would be in the file, null where there is none or where it is secret ("redacted").`,
  );
}

/** On a terminal, where a line above has the path of the file: its name. */
function sourceCell({ source }: ConfigEntry, file: string | undefined): string {
  const isOfFile = file !== undefined && source.startsWith(`${file}:`);
  return process.stdout.isTTY && isOfFile ? basename(file) + source.slice(file.length) : source;
}

function textOf({ value, isRedacted }: ConfigEntry): string {
  if (isRedacted) return '(secret)';
  return value === null ? '(none)' : JSON.stringify(value);
}

function reloadCommand(): Command {
  const command = new Command('reload')
    .description('Have a daemon read its configuration again, as SIGHUP does')
    .action(async () => {
      const output = outputOf(command);
      const { changed, restart, warnings } = await withDaemon(command, (node) => node.reload());
      for (const warning of warnings) output.note(`warning: ${warning}`);
      const lines = [
        changed.length === 0 ? 'nothing has changed' : `changed: ${changed.join(', ')}`,
        ...(restart.length === 0 ? [] : [`needs a restart: ${restart.join(', ')}`]),
      ];
      output.result(lines.join('\n'), {
        changed: [...changed],
        restart: [...restart],
        warnings: [...warnings],
      } satisfies ConfigReloadJson);
    });
  return withExamples(
    command,
    ['peerd config reload', 'peerd config reload --name alice --json'],
    `The same file, variables and flags count as at its start. When something is
wrong with them nothing changes: exit status 2, with a line for each mistake.`,
  );
}
