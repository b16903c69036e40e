import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createPeer, generateSecret } from '@peerd/core';
import { closedLoop } from './run.ts';

const answering = fork(new URL('./processes/echo.ts', import.meta.url), { execArgv: process.execArgv });
const [addresses] = (await once(answering, 'message')) as [{ peerd: string; bare: string }];
const { client, server } = await createPeer({
  secret: await generateSecret(),
  name: 'caller',
  network: 'bench',
  discovery: 'off',
});
const stopped = new AbortController();
const running = server.run({ signal: stopped.signal });
const payload = new Uint8Array(128).fill(1);
for (const n of (process.env.NS ?? '64,64,64,64,256,256,1,1').split(',').map(Number)) {
  const c0 = process.cpuUsage();
  const t0 = performance.now();
  const r = await closedLoop(n, 1500, () => client.request(addresses.peerd, payload));
  const c = process.cpuUsage(c0);
  const calls = (r * (performance.now() - t0)) / 1000;
  console.log(
    n,
    Math.round(r),
    'cpu us/req (caller)',
    ((c.user + c.system) / calls).toFixed(2),
    'sys',
    (c.system / calls).toFixed(2),
  );
}
stopped.abort();
await running;
answering.disconnect();
await once(answering, 'exit');
