/** A client of nats-server: `answer <url>` echoes, `ask <url>` measures. */
import { connect } from '@nats-io/transport-node';
import { ready, readyToAsk } from './parent.ts';

const subject = 'bench';
const [role, servers = ''] = process.argv.slice(2);
const connection = await connect({ servers });
const close = () => connection.close();
if (role === 'answer') {
  // A callback, which costs less than an iterator.
  connection.subscribe(subject, { callback: (_, message) => void message.respond(message.data) });
  await connection.flush();
  ready(undefined, close);
} else
  readyToAsk(
    async (payload) => (await connection.request(subject, payload, { timeout: 60_000 })).data,
    close,
  );
