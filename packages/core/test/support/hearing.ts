import type { BroadcastMessage, Subscription } from '@peerd/protocol';
import { text } from './nodes.ts';

/** The next message; fails when the subscription ends. */
export async function nextOf(subscription: Subscription): Promise<BroadcastMessage> {
  const { value, done } = await subscription[Symbol.asyncIterator]().next();
  if (done) throw new Error('the subscription ended');
  return value;
}

/** What a subscription hears up to and with the message `last`, as text. */
export async function heardUntil(subscription: Subscription, last: string): Promise<string[]> {
  const heard: string[] = [];
  while (heard.at(-1) !== last) heard.push(text((await nextOf(subscription)).payload));
  return heard;
}
