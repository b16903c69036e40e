import { beforeEach, describe, expect, test } from 'vitest';
import type { RequestInput, RequestOutput } from '../src/request/messages.ts';
import { RequestState } from '../src/request/state.ts';
import { defaultLimits } from '../src/settings.ts';
import { FakeContext } from './support/context.ts';

let context: FakeContext<RequestOutput>;
let state: RequestState;
beforeEach(() => {
  context = new FakeContext();
  state = new RequestState(context, defaultLimits);
  step({ type: 'session/inbound', link: -5, peer: 'id-of-eve', name: 'eve' });
});

function step(input: RequestInput): void {
  (state.handlers as unknown as Record<string, (input: RequestInput) => void>)[input.type]?.(input);
}
const closed = () => context.takeOf('session/close');

describe('calls that come in a session', () => {
  test('end it when they break the protocol, and that is told from one that nobody uses', () => {
    step({ type: 'session/bytes', link: -5, bytes: new Uint8Array(64).fill(0xff) });
    expect(closed()).toEqual([
      { type: 'session/close', link: -5, reason: expect.any(String), isFault: true },
    ]);
    step({ type: 'session/bytes', link: -5, bytes: new Uint8Array(64).fill(0xff) });
    expect(closed()).toEqual([]);
  });

  test('end it when there are none for long', () => {
    step({ type: 'session/idle', links: [-5] });
    expect(closed()).toEqual([{ type: 'session/close', link: -5, reason: 'nobody uses it' }]);
  });
});
