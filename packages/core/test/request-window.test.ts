import { describe, expect, test } from 'vitest';
import { Call } from '../src/request/call.ts';
import { CALL_WINDOW_BYTES, END_MESSAGE, END_STREAM, type Frame, FrameType } from '../src/request/frames.ts';
import { Link } from '../src/request/link.ts';

/** The answering side's view of a call that has been dispatched. */
class Answered extends Call {
  readonly service = '';
  override opened = true;
  override id = 1;
}

function answering(): { link: Link; call: Call; written: () => Frame[] } {
  const link = new Link(-1, 'alice', 'c1', 'answerer');
  const call = new Answered();
  call.link = link;
  link.calls.set(call.id, call);
  return { link, call, written: () => link.collect({ sent() {}, finished() {} }) };
}

const message = (length: number) => ({ bytes: new Uint8Array(length), end: false, accepted: undefined });
const flagsOf = (frames: Frame[]) =>
  frames.map((frame) => (frame.type === FrameType.data ? frame.flags : -1));

describe('the window of a call', () => {
  test('lets empty messages through only as long as it lasts', () => {
    const { link, call, written } = answering();
    for (let i = 0; i < 20_000; i += 1) link.send(call, message(0));
    let sent = 0;
    for (let frames = written(); frames.length > 0; frames = written()) sent += frames.length;
    expect(sent).toBe(CALL_WINDOW_BYTES / 16);
  });

  test('is no hindrance to the end of the answers, which takes one frame', () => {
    const { link, call, written } = answering();
    link.send(call, message(CALL_WINDOW_BYTES - 1));
    expect(flagsOf(written()).at(-1)).toBe(END_MESSAGE);
    // The message's own cost has left it below nothing.
    expect(call.sendWindow).toBeLessThan(0);
    link.send(call, { bytes: undefined, end: true, accepted: undefined });
    expect(flagsOf(written())).toEqual([END_STREAM]);
  });
});
