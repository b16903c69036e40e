import { text } from '@peerd/protocol';
import { expect, type Stage } from './stage.ts';

/** Two daemons, a request, a broadcast, one killed. */
export async function tour(stage: Stage): Promise<void> {
  const alice = await stage.start('alice');
  stage.seen('start', `alice is up: ${alice.info.id}`, { pid: alice.info.pid });
  const bob = await stage.start('bob', ['--peer', alice.info.addresses[0] ?? '']);
  stage.seen('start', `bob is up, told of alice's address only: ${bob.info.id}`, { pid: bob.info.pid });
  const [atAlice, atBob] = await Promise.all([stage.connect(alice), stage.connect(bob)]);

  const entry = async () => (await atAlice.peers()).find(({ id }) => id === bob.info.id);
  await stage.until(async () => (await entry())?.connected === true);
  stage.seen('known', "bob is in alice's table, connected");

  await atAlice.handle('', ({ payload, peerName }) =>
    text.encode(`hello ${peerName}, you said "${text.decode(payload)}"`),
  );
  const answer = await text.request(atBob, 'alice', 'good morning');
  expect(answer, 'hello bob, you said "good morning"');
  stage.seen('request', 'bob asks alice: good morning');
  stage.seen('response', `alice answers: ${answer}`);

  const subscription = await atBob.subscribe('news');
  const { peers } = await atAlice.broadcast('news', text.encode('it works'));
  const { value: message } = await subscription[Symbol.asyncIterator]().next();
  expect(text.decode(message.payload), 'it works');
  expect(message.from, alice.info.id);
  stage.seen('broadcast', `alice tells ${peers} peer on the topic news, and bob hears: it works`);

  await bob.kill();
  stage.seen('kill', `bob is killed (kill -9 ${bob.info.pid})`);
  await stage.until(async () => {
    const left = await entry();
    return left === undefined || !(left.connected || left.inDht);
  });
  stage.seen('gone', "bob has left alice's table");
}
