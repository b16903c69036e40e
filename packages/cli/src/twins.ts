import { connect, runningDaemons } from '@peerd/client';

/** How long a daemon of this machine may take to say who it is. */
const patienceMs = 2_000;

/**
 * What else on this machine has the identity of the daemon with this data directory, `directories` being others with its key: a warning, or
 * undefined when nothing has.
 */
export async function warningOfTwins(
  id: string,
  data: string,
  directories: readonly string[],
): Promise<string | undefined> {
  const running = await runningWith(id, data);
  const stopped = directories.filter((path) => !running.some((daemon) => daemon.data === path));
  const twins = [...running.map(({ name }) => `${name} (which runs)`), ...stopped];
  if (twins.length === 0) return undefined;
  return (
    `${id} is also the identity of ${twins.join(' and of ')}: peers can't tell them apart, so let ` +
    'only one of them run'
  );
}

async function runningWith(id: string, data: string): Promise<{ name: string; data: string }[]> {
  const signal = AbortSignal.timeout(patienceMs);
  const ask = async (name: string) => {
    const node = await connect({ name, program: 'peerd', reconnect: false, signal });
    await node.close();
    return node.daemon;
  };
  const names = await runningDaemons().catch(() => []);
  const answers = await Promise.all(names.map((name) => ask(name).catch(() => undefined)));
  return answers.flatMap((each) => (each?.id === id && each.data !== data ? [each] : []));
}
