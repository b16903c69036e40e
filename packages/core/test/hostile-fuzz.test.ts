import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PacketKind } from '../src/forwarding/messages.ts';
import { encodeFrames } from '../src/request/encoder.ts';
import { END_MESSAGE, END_STREAM, FrameType, type PacketFrame } from '../src/request/frames.ts';
import {
  CONTENT_HEAD_BYTES,
  Content,
  contentHead,
  encodeAcknowledgement,
  encodePath,
} from '../src/sessions/codec.ts';
import { HostileEnd } from './support/hostile-end.ts';
import { altered, HostileStage, kinds, type Name } from './support/hostile-stage.ts';

const names = fc.constantFrom<Name>('alice', 'bob', 'carol', 'dave', 'mallory');
const anyKind = fc.constantFrom<PacketKind>(...kinds);
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc.uint8Array({ minLength: 500, maxLength: 600 }),
);

test('a node takes whatever packets come, of any kind and in any name, and goes on', async () => {
  const stage = await HostileStage.of();
  const genuine: PacketFrame[] = [];
  const mallory = stage.actor('mallory');
  mallory.tamper = (to, packet) => {
    genuine.push(packet);
    return [[to, packet]];
  };
  expect(stage.ask('one')).toBe('one');
  mallory.tamper = (to, packet) => [[to, packet]];
  const packets = fc.record({
    sample: fc.nat({ max: genuine.length - 1 }),
    kind: anyKind,
    from: names,
    body: fc.option(anyBytes),
    /** The head: as it was, with a byte changed, or anything. */
    head: fc.oneof(
      fc.constant(undefined),
      fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 })),
      fc.uint8Array({ maxLength: 150 }),
    ),
  });
  let round = 0;
  fc.assert(
    fc.property(
      fc.array(packets, { minLength: 1, maxLength: 20 }),
      fc.constantFrom<Name>('alice', 'bob'),
      (many, to) => {
        for (const { sample, kind, from, body, head } of many) {
          const packet = altered(genuine[sample] as PacketFrame, {
            kind,
            from: stage.id(from),
            to: stage.id(to),
            ...(body === null ? {} : { body }),
          });
          const bytes = Uint8Array.from(packet.head);
          if (Array.isArray(head)) bytes[head[0] % bytes.length] = head[1];
          mallory.hand(stage.id(to), { ...packet, head: head instanceof Uint8Array ? head : bytes });
        }
        stage.run(200);
        round += 1;
        expect(stage.ask(`still ${round}`)).toBe(`still ${round}`);
      },
    ),
    { numRuns: 60 },
  );
});

test('who is at the end of a session is heard as the peer that it is, and no other', async () => {
  const stage = await HostileStage.of();
  expect(stage.ask('one')).toBe('one');
  const end = HostileEnd.enter(stage, stage.identity('mallory'), 'bob', 3e12);
  const data = Buffer.from('I am alice');
  const flags = END_MESSAGE | END_STREAM;
  const frame = {
    type: FrameType.open,
    call: 1,
    flags,
    timeoutMs: 0,
    totalBytes: data.length,
    service: '',
    data,
  } as const;
  end.say('data', Buffer.concat([contentHead(Content.initiatorsCalls).fill(0, 1), ...encodeFrames([frame])]));
  stage.run(1_000);
  expect(stage.actor('bob').asked.at(-1)).toEqual({ peer: stage.id('mallory'), payload: 'I am alice' });
});

test('a node takes whatever the other end of a session says within it, and goes on', async () => {
  const stage = await HostileStage.of();
  // Mallory has a stream to bob from then on.
  expect(stage.ask('one')).toBe('one');
  const identity = stage.identity('mallory');
  const number = fc.oneof(fc.nat({ max: 20 }), fc.constantFrom(2 ** 32, 2 ** 47, 2 ** 48 - 1));
  const content = fc.oneof(
    anyBytes,
    // Of any type, with any acknowledgement, and frames that are none behind it.
    fc
      .tuple(fc.nat({ max: 5 }), fc.uint8Array({ minLength: 6, maxLength: 6 }), anyBytes)
      .map(([type, acknowledged, data]) =>
        Buffer.concat([contentHead(type).fill(0, 1), data]).fill(acknowledged, 1, CONTENT_HEAD_BYTES),
      ),
    fc
      .array(fc.string({ maxLength: 60 }), { maxLength: 40 })
      .map((path) => Buffer.concat([contentHead(2).fill(0, 1), encodePath(path)])),
    fc
      .tuple(number, fc.array(fc.tuple(number, number), { maxLength: 30 }))
      .map(([upTo, ranges]) => encodeAcknowledgement(upTo, ranges)),
  );
  const said = fc.record({ kind: fc.constantFrom('data', 'control'), content, counter: fc.option(number) });
  let round = 0;
  fc.assert(
    fc.property(fc.array(said, { minLength: 1, maxLength: 10 }), (many) => {
      round += 1;
      const end = HostileEnd.enter(stage, identity, 'bob', 3e12 + round);
      for (const { kind, content: what, counter } of many)
        if (counter === null) end.say(kind, what);
        else end.say(kind, what, counter);
      stage.run(500);
      expect(stage.ask(`still ${round}`)).toBe(`still ${round}`);
    }),
    { numRuns: 100 },
  );
  expect(stage.actor('bob').asked.every(({ peer }) => peer === stage.id('alice'))).toBe(true);
});
