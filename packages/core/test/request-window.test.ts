import { describe, expect, test } from 'vitest';
import { Call } from '../src/request/call.ts';
import {
  CALL_WINDOW_BYTES,
  costOf,
  END_MESSAGE,
  END_STREAM,
  type Frame,
  FrameType,
  MESSAGE_COST_BYTES,
  STREAM_GRANT_BYTES,
} from '../src/request/frames.ts';
import { Link } from '../src/request/link.ts';

/** The answering side's view of a call that has been dispatched. */
class Answered extends Call {
  readonly service = '';
  override opened = true;

  constructor(id = 1) {
    super();
    this.id = id;
  }
}

function answering(): { link: Link; call: Call; written: () => Frame[] } {
  const link = new Link(-1, 'alice', 'answerer');
  const call = new Answered();
  call.link = link;
  link.calls.set(call.id, call);
  return { link, call, written: () => link.collect({ sent() {}, finished() {} }, 0) };
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
    expect(sent).toBe(CALL_WINDOW_BYTES / MESSAGE_COST_BYTES);
  });

  test('is no hindrance to the end of the answers, which takes one frame', () => {
    const { link, call, written } = answering();
    call.sendWindow = 100_000;
    link.send(call, message(100_000 - 1));
    expect(flagsOf(written()).at(-1)).toBe(END_MESSAGE);
    // The message's own cost has left it below nothing.
    expect(call.sendWindow).toBeLessThan(0);
    link.send(call, { bytes: undefined, end: true, accepted: undefined });
    expect(flagsOf(written())).toEqual([END_STREAM]);
  });
});

describe('a link with messages of all sizes', () => {
  const callsOf = (frames: Frame[]) => frames.map(({ call }) => call);
  const another = (link: Link, id: number): Call => {
    const call = new Answered(id);
    call.link = link;
    link.calls.set(id, call);
    return call;
  };

  test('sends a small one before what is left of large ones', () => {
    const { link, call, written } = answering();
    link.send(call, message(CALL_WINDOW_BYTES - MESSAGE_COST_BYTES));
    link.send(another(link, 2), message(100));
    expect(callsOf(written()).slice(0, 2)).toEqual([2, 1]);
  });

  test('leaves large ones a quarter of each write, however many small ones there are', () => {
    const { link, call, written } = answering();
    link.send(call, message(CALL_WINDOW_BYTES - MESSAGE_COST_BYTES));
    const small = another(link, 2);
    for (let i = 0; i < 10_000; i += 1) link.send(small, message(10));
    const bytes = { 1: 0, 2: 0 };
    for (const frame of written()) bytes[frame.call as 1 | 2] += costOf(frame);
    expect(bytes[1]).toBeGreaterThanOrEqual(64 * 1024);
    expect(bytes[2]).toBeGreaterThan(128 * 1024);
  });

  test('has room for a small one when large ones have all under way that they may', () => {
    const { link, written } = answering();
    for (let id = 10; id < 20; id += 1)
      link.send(another(link, id), message(CALL_WINDOW_BYTES - MESSAGE_COST_BYTES));
    let large = 0;
    for (let frames = written(); frames.length > 0; frames = written())
      large += frames.reduce((sum, frame) => sum + costOf(frame), 0);
    expect(large).toBeGreaterThan(128 * 1024);
    link.send(another(link, 2), message(100));
    expect(callsOf(written())).toEqual([2]);
    // And goes on when the other side says that it has taken something.
    link.credit(0, STREAM_GRANT_BYTES, 1);
    expect(written().length).toBeGreaterThan(0);
  });
});
