import { beforeEach, describe, expect, test } from 'vitest';
import { ROUTES_SERVICE, SUBSCRIBED_SERVICE } from '../src/internal-services.ts';
import { FrameDecoder } from '../src/request/decoder.ts';
import { encodeFrames } from '../src/request/encoder.ts';
import { END_MESSAGE, END_STREAM, type Frame, FrameType, resetCodes } from '../src/request/frames.ts';
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

  test.each([ROUTES_SERVICE, SUBSCRIBED_SERVICE, '$peerd/of-a-later-version'])(
    'are not for the service %s, which is between neighbours: nothing of them is read or kept',
    (service) => {
      const before = state.snapshot();
      const data = new Uint8Array(100);
      const flags = END_MESSAGE | END_STREAM;
      const open = {
        type: FrameType.open,
        flags,
        call: 1,
        timeoutMs: 0,
        totalBytes: 100,
        service,
        data,
      } as const;
      step({ type: 'session/bytes', link: -5, bytes: Buffer.concat(encodeFrames([open])) });
      state.flush();
      expect(context.outputs.map(({ type }) => type)).toEqual(['session/write']);
      const parts = context.takeOf('session/write').flatMap((write) => write.parts);
      const answers: Frame[] = [];
      new FrameDecoder().push(Buffer.concat(parts), answers);
      expect(answers).toMatchObject([{ type: FrameType.reset, call: 1, code: resetCodes['no-handler'] }]);
      expect(state.snapshot()).toMatchObject({
        inbound: (before as { inbound: object }).inbound,
        heldBytes: 0,
      });
    },
  );

  test('end it when there are none for long', () => {
    step({ type: 'session/idle', links: [-5] });
    expect(closed()).toEqual([{ type: 'session/close', link: -5, reason: 'nobody uses it' }]);
  });
});
