// A peer as a process: prints its address, then a line for each thing that happens to it. On its standard input
// `ask <service> <timeoutMs>` has it ask the peer it dialled, and `stop` stops it; nothing else ends the process.
import { createInterface } from 'node:readline';
import { createPeer, decodeSecret } from '../../src/index.ts';

const [network = '', name = '', secret = '', dial] = process.argv.slice(2);
const { client, server } = await createPeer({ secret: decodeSecret(secret), name, network });
const stopping = new AbortController();
const ended = server.run({ signal: stopping.signal });
await client.handle('echo', ({ payload }) => payload);
await client.handle('stuck', ({ signal }) => {
  console.log('asked');
  signal.addEventListener('abort', () => console.log('aborted'));
  return new Promise(() => {});
});
const { addresses } = await client.status();
console.log(addresses[0]);

if (dial !== undefined) {
  const call = client.request(dial, new Uint8Array(1), { service: 'stuck' });
  call.catch((error: { code: string }) => console.log(`ended ${error.code}`));
}

for await (const line of createInterface({ input: process.stdin })) {
  const [word, service = '', timeoutMs] = line.split(' ');
  if (word === 'stop') break;
  client.request(dial ?? '', new Uint8Array(1), { service, timeoutMs: Number(timeoutMs) }).then(
    () => console.log(`answered ${service}`),
    (error: { code: string }) => console.log(`failed ${service} ${error.code}`),
  );
}
stopping.abort();
await ended;
console.log('stopped');
process.stdin.destroy();
