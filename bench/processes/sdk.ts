/** A program beside a daemon: `answer <socket>` echoes, `ask <socket> <peer>` measures. */
import { connect } from '@peerd/client';
import { ready, readyToAsk } from './parent.ts';

const [role, socket, peer = ''] = process.argv.slice(2);
const node = await connect({ socket });
const close = () => node.close();
if (role === 'answer') {
  await node.handle('', ({ payload }) => payload);
  ready(undefined, close);
} else readyToAsk((payload) => node.request(peer, payload, { timeoutMs: 60_000 }), close);
