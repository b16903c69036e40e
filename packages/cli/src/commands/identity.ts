import { readFile } from 'node:fs/promises';
import type { DaemonConfig } from '@peerd/daemon';
import { PeerdError } from '@peerd/protocol';
import { Command } from 'commander';
import { type ConfigFlags, configOptionsOf } from '../config-options.ts';
import { outputOf } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { IdentityExportJson, IdentityImportJson, IdentityJson } from '../json/identity.ts';
import type { PassphraseOptions } from '../passphrase.ts';

interface ExportOptions extends PassphraseOptions {
  output?: string;
}

interface ImportOptions extends PassphraseOptions {
  force?: boolean;
}

export function identityCommand(): Command {
  const command = new Command('identity').description('Show, export and import the identity of a daemon');
  for (const below of [showCommand(), exportCommand(), importCommand()]) command.addCommand(below);
  return withExamples(
    command,
    ['peerd identity show', 'peerd identity export --name alice > alice.backup'],
    `Who has the key of a daemon is that peer. An exported identity is the key, sealed
with a passphrase (scrypt and AES-256-GCM): with it a daemon moves to another
machine, or comes back from a backup, and stays the peer that it was. Never have
two daemons run with one identity.`,
  );
}

function which(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration that says where the key is')
    .option('--data <directory>', 'the data directory that it is in');
}

async function load(command: Command): Promise<DaemonConfig> {
  const { loadConfig } = await import('@peerd/daemon');
  return await loadConfig(await configOptionsOf(command.optsWithGlobals<ConfigFlags>()));
}

function showCommand(): Command {
  const command = which(new Command('show').description('Print the peer id of a daemon'));
  command.action(async () => {
    const { identityOf } = await import('@peerd/daemon');
    const id = await identityOf(await load(command));
    outputOf(command).result(id, { id } satisfies IdentityJson);
  });
  return withExamples(
    command,
    ['peerd identity show --name alice', 'peerd identity show --json'],
    'It does not matter whether the daemon runs.',
  );
}

function exportCommand(): Command {
  const command = which(new Command('export').description('Seal the key of a daemon with a passphrase'))
    .option('--output <file>', 'write it there, for you alone (default: standard output)')
    .option('--passphrase-file <file>', 'the passphrase is its first line');
  command.action(async (options: ExportOptions) => {
    const output = outputOf(command);
    const { exportIdentity } = await import('@peerd/daemon');
    const { readPassphrase } = await import('../passphrase.ts');
    const config = await load(command);
    const { id, text } = await exportIdentity(config, () => readPassphrase(options, true), options);
    const result = { id, file: options.output ?? null, identity: options.output === undefined ? text : null };
    if (output.json) output.object(result satisfies IdentityExportJson);
    else if (options.output === undefined) output.raw(Buffer.from(text));
    else output.text(`${id} is in ${options.output}`);
  });
  return withExamples(
    command,
    [
      'peerd identity export --name alice --output alice.identity',
      'peerd identity export --name alice --passphrase-file phrase.txt --json',
    ],
    `The passphrase has at least 8 characters. It is asked for on the terminal, if it
is neither in --passphrase-file nor in PEERD_PASSPHRASE. Without it nobody, you
included, can open the export.`,
  );
}

function importCommand(): Command {
  const command = which(new Command('import').description('Give a daemon an exported identity'))
    .argument('<file>')
    .option('--passphrase-file <file>', 'the passphrase is its first line')
    .option('--force', 'replace the key that is there; it is kept aside');
  command.action(async (file: string, options: ImportOptions) => {
    const output = outputOf(command);
    const { directoriesOf, importIdentity } = await import('@peerd/daemon');
    const { readPassphrase } = await import('../passphrase.ts');
    const config = await load(command);
    const text = await readFile(file, 'utf8').catch((cause: Error) => {
      throw new PeerdError('invalid', `${file} can't be read: ${cause.message}`, { cause });
    });
    const { force = false } = options;
    const imported = await importIdentity(config, text, () => readPassphrase(options, false), { force });
    const { id, keptAside = null } = imported;
    if (keptAside !== null) output.note(`the key that was there is ${keptAside}`);
    const { warningOfTwins } = await import('../twins.ts');
    const warning = await warningOfTwins(id, config.data, await directoriesOf(id, config));
    if (warning !== undefined) output.note(`warning: ${warning}`);
    output.result(`${config.name} is now ${id}`, { id, keptAside } satisfies IdentityImportJson);
  });
  return withExamples(
    command,
    [
      'peerd identity import alice.identity --name dave',
      'peerd identity import alice.identity --name dave --force --json',
    ],
    `The daemon must not run meanwhile. It has the identity from its next start on. It warns when
something else on this machine has that identity too.`,
  );
}
