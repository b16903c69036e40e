import { Command } from 'commander';
import { collect, outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { TicketJson } from '../json/identity.ts';

interface Options {
  withSecret?: boolean;
  address?: string[];
}

export function ticketCommand(): Command {
  const command = new Command('ticket')
    .description('Print a line that others join the network of a daemon with')
    .option('--with-secret', "put the network's secret into it: who has the ticket can join")
    .option('--address <multiaddr>', 'instead of those it listens on; may be repeated', collect)
    .action(async ({ withSecret, address: addresses }: Options) => {
      const output = outputOf(command);
      const made = await withDaemon(command, (node) => node.ticket({ withSecret, addresses }));
      const { ticket, hasSecret, loopbackOnly } = made;
      if (hasSecret) output.note('keep this ticket secret: whoever has it can join the network');
      else if (withSecret) output.note('this network has no secret: anybody can join it');
      if (loopbackOnly)
        output.note(
          'only for this machine: the daemon listens on no other address. Start it with --profile lan and, if listen is ' +
            'set for it, with an address there that others reach: --listen /ip4/0.0.0.0/tcp/0',
        );
      output.result(ticket, {
        ticket,
        addresses: [...made.addresses],
        hasSecret,
        loopbackOnly,
      } satisfies TicketJson);
    });
  return withExamples(
    command,
    ['peerd ticket', 'peerd ticket --with-secret --json'],
    `The other side pastes it: peerd start --ticket LINE. It holds the addresses of
this daemon, the name of its network and how that routes; the secret only if
asked for. With peerd start --ticket - it is read from standard input, and stays
out of the history of the shell and of the list of processes.`,
  );
}
