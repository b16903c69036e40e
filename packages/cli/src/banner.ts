import { basename } from 'node:path';
import { connect, runningDaemons } from '@peerd/client';
import type { DaemonConfig, DaemonInfo } from '@peerd/daemon';
import type { ConfigFlags } from './config-options.ts';
import { programName, quote } from './invocation.ts';

/** How long the other daemons of this machine may take to say whom they know: the banner waits for it. */
const patienceMs = 2_000;

/** What another daemon is called when it is proposed. */
const names = ['bob', 'alice', 'carol', 'dave', 'erin', 'frank'];

/** The other daemons that this user runs on this machine. */
export interface Others {
  running: readonly string[];
  /** One that this daemon is, or is about to be, connected to. */
  neighbour: string | undefined;
}

interface Started {
  info: DaemonInfo;
  options: ConfigFlags;
  config: DaemonConfig;
  others: Others;
}

/** What the daemon is, and what to type next: every command works as it stands when pasted. */
export function banner({ info, options, config, others }: Started): string {
  const program = programName();
  const here = options.socket === undefined ? `--name ${info.name}` : `--socket ${quote(info.socket)}`;
  const { profile = 'local', network_secret: secret, peers = [], allow = [], routing } = config.values;
  // Who routes otherwise is not let in.
  const strategy = routing?.strategy === 'source' ? ' --routing-strategy source' : '';
  const ticket = `${program} ticket ${secret === undefined ? '' : '--with-secret '}${here}`;
  const other = nameOfOther(info, others);
  // Whoever is not on the list is not let in, and nobody knows the id of a daemon that was never started.
  const letsNewIn = allow.length === 0;
  const proposed = others.neighbour === undefined && peers.length === 0 && letsNewIn && !isTaken(config);
  const start =
    secret === undefined
      ? plainStart(info, `${program} start --name ${other}${strategy}`)
      : [`  ${ticket}`, `  ${program} start --name ${other} --ticket -`, ''];
  const from = others.neighbour ?? (proposed && start.length > 0 ? other : undefined);
  const lines = [
    `peerd ${info.version}: ${info.name} is up`,
    '',
    `  id         ${info.id}`,
    `  network    ${info.network}`,
    ...info.addresses.map((each, index) => `  ${(index === 0 ? 'addresses' : '').padEnd(10)} ${each}`),
    `  socket     ${info.socket}`,
    `  data       ${info.data}`,
    '',
    'In other terminals:',
    '',
    ...(proposed ? start : from === undefined ? [`  ${program} peers ${here}`, ''] : []),
    ...talk(`${program} reply --echo ${here}`, `${program} subscribe news ${here}`, info.name, program, from),
    ...(profile === 'local' || !letsNewIn
      ? []
      : [
          `On another machine, with what \`${ticket}\` prints:`,
          '',
          `  peerd start --name ${other} --profile ${profile} --ticket -`,
          '',
        ]),
    'Ctrl-C stops it.',
  ];
  return lines.join('\n');
}

/** Asked and told by the other daemon, if there is one on this machine, else by any peer. */
function talk(reply: string, subscribe: string, name: string, program: string, from?: string): string[] {
  const request = `request ${name} hello`;
  const broadcast = `broadcast news 'it is out'`;
  if (from !== undefined)
    return [
      `  ${reply}`,
      `  ${program} ${request} --name ${from}`,
      '',
      `  ${subscribe}`,
      `  ${program} ${broadcast} --name ${from}`,
      '',
    ];
  return [
    `  ${reply}`,
    `  ${subscribe}`,
    '',
    'Where a peer of it runs:',
    '',
    `  peerd ${request}`,
    `  peerd ${broadcast}`,
    '',
  ];
}

function nameOfOther({ name }: DaemonInfo, { running }: Others): string {
  const isFree = (each: string) => each !== name && !running.includes(each);
  let number = 2;
  while (!isFree(`peer${number}`)) number += 1;
  return names.find(isFree) ?? `peer${number}`;
}

/** Whether a daemon of another name would find in its file what only one can have: this daemon has read the same. */
function isTaken({ file, name, sourceOf, values }: DaemonConfig): boolean {
  if (file === undefined || basename(file) === `${name}.toml`) return false;
  const isFixed = !(values.listen ?? []).every((address) => /\/tcp\/0(\/|$)/.test(address));
  const own = ['secret', 'data', 'socket', ...(isFixed ? ['listen'] : [])];
  return own.some((key) => sourceOf([key]).startsWith(`${file}:`));
}

/** How another daemon joins a network without a secret. */
function plainStart({ addresses, network }: DaemonInfo, start: string): string[] {
  const address = addresses.find((each) => each.startsWith('/ip4/127.')) ?? addresses[0];
  if (address === undefined) return [];
  return [`  ${start}${network === 'peerd' ? '' : ` --network ${quote(network)}`} --peer ${address}`, ''];
}

/** Asks the daemons of this user who they are and whom they are to reach. One that does not answer in time is no neighbour. */
export async function othersThan(info: DaemonInfo, { values }: DaemonConfig): Promise<Others> {
  const running = (await runningDaemons().catch(() => [])).filter((name) => name !== info.name);
  const signal = AbortSignal.timeout(patienceMs);
  const { peers = [] } = values;
  const isNeighbour = async (name: string): Promise<boolean> => {
    const node = await connect({ name, program: 'peerd start', reconnect: false, signal });
    try {
      const [{ id, network, addresses, unreached }, theirs] = await Promise.all([
        node.status({ signal }),
        node.peers({ signal }),
      ]);
      const known = [...addresses, ...addresses.map((address) => address.replace(`/p2p/${id}`, ''))];
      const isOurs = peers.some((peer) => peer.endsWith(`/p2p/${id}`) || known.includes(peer));
      const toReach = [...unreached, ...theirs.filter(({ connected }) => connected)];
      return network === info.network && (isOurs || toReach.some((peer) => peer.id === info.id));
    } finally {
      await node.close();
    }
  };
  const answers = await Promise.all(running.map((name) => isNeighbour(name).catch(() => false)));
  return { running, neighbour: running.find((_, index) => answers[index]) };
}
