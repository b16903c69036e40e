import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publicKeyOf } from '../src/noise.ts';
import { type Agreed, open, seal } from '../src/sealing/noise.ts';
import { PacketCipher } from '../src/sessions/cipher.ts';
import { type Handshake, Initiator, type KeyPair, NoiseError, Responder } from '../src/sessions/noise.ts';
import { ikPsk2, lowOrderPoints, nPsk0 } from './support/noise-vectors.ts';

const NO_AD = new Uint8Array(0);

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex');
}

function pairOf(privateKey: Uint8Array): KeyPair {
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

/** 32 bytes that are all the same: keys that can be told apart in a failure. */
const filled = (value: number) => new Uint8Array(32).fill(value);

const alice = pairOf(filled(1));
const bob = pairOf(filled(2));
const mallory = pairOf(filled(3));
const initiatorSide: Handshake = {
  prologue: Buffer.from('peerd alice bob'),
  psk: filled(9),
  local: alice,
  ephemeral: filled(4),
};
const responderSide: Handshake = { ...initiatorSide, local: bob, ephemeral: filled(5) };
const hello = Buffer.from('hello from alice');
const welcome = Buffer.from('welcome from bob');

/** Each byte of a message changed, in a way of its own. */
function* changes(message: Uint8Array): Generator<Uint8Array> {
  for (let place = 0; place < message.length; place += 1) {
    const changed = Uint8Array.from(message);
    changed[place] = (changed[place] as number) ^ (1 << (place % 8));
    yield changed;
  }
}

describe('the handshake of a session', () => {
  const vector = {
    prologue: bytes(ikPsk2.prologue),
    psk: bytes(ikPsk2.psk),
    initiator: pairOf(bytes(ikPsk2.initiatorStatic)),
    responder: pairOf(bytes(ikPsk2.responderStatic)),
  };

  test('is, byte by byte, that of the published vectors, and so is what follows it', () => {
    const { prologue, psk } = vector;
    expect(hex(vector.responder.publicKey)).toBe(ikPsk2.responderStaticPublic);
    const ends = {
      initiator: new Initiator(
        { prologue, psk, local: vector.initiator, ephemeral: bytes(ikPsk2.initiatorEphemeral) },
        vector.responder.publicKey,
      ),
      responder: new Responder({
        prologue,
        psk,
        local: vector.responder,
        ephemeral: bytes(ikPsk2.responderEphemeral),
      }),
    };
    const first = ends.initiator.write(bytes(ikPsk2.first.payload));
    expect(hex(first)).toBe(ikPsk2.first.ciphertext);
    const read = ends.responder.read(first);
    expect(hex(read.payload)).toBe(ikPsk2.first.payload);
    expect(hex(read.remote)).toBe(hex(vector.initiator.publicKey));
    const answer = ends.responder.write(bytes(ikPsk2.answer.payload));
    expect(hex(answer.message)).toBe(ikPsk2.answer.ciphertext);
    const done = ends.initiator.read(answer.message);
    expect(hex(done.payload)).toBe(ikPsk2.answer.payload);

    const directions = [
      { sender: new PacketCipher(done.keys.send), receiver: new PacketCipher(answer.keys.receive) },
      { sender: new PacketCipher(answer.keys.send), receiver: new PacketCipher(done.keys.receive) },
    ];
    for (const [i, { payload, ciphertext }] of ikPsk2.transport.entries()) {
      const { sender, receiver } = directions[i % 2] as (typeof directions)[number];
      const counter = Math.floor(i / 2);
      const sealed = Buffer.concat(sender.seal(counter, NO_AD, [bytes(payload)]));
      expect(hex(sealed)).toBe(ciphertext);
      expect(hex(receiver.open(counter, NO_AD, sealed) as Uint8Array)).toBe(payload);
    }
  });

  test('gives both the same keys, one for each direction, and new ones with other ephemeral keys', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 200 }),
        (ephemeral, other, payload) => {
          const seen = new Set<string>();
          for (const mine of [ephemeral, other]) {
            const initiator = new Initiator({ ...initiatorSide, ephemeral: mine }, bob.publicKey);
            const responder = new Responder(responderSide);
            expect(hex(responder.read(initiator.write(payload)).payload)).toBe(hex(payload));
            const { message, keys } = responder.write(payload);
            const done = initiator.read(message);
            expect(hex(done.payload)).toBe(hex(payload));
            expect(hex(done.keys.send)).toBe(hex(keys.receive));
            expect(hex(done.keys.receive)).toBe(hex(keys.send));
            seen.add(hex(keys.send)).add(hex(keys.receive));
          }
          // X25519 clears five bits of a private key: two keys that differ in these alone are one.
          if (hex(publicKeyOf(ephemeral)) !== hex(publicKeyOf(other))) expect(seen.size).toBe(4);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('refuses a first message with any byte changed or cut off, and takes the genuine one after it', () => {
    const first = new Initiator(initiatorSide, bob.publicKey).write(hello);
    const responder = new Responder(responderSide);
    for (const changed of changes(first)) expect(() => responder.read(changed)).toThrow(NoiseError);
    for (let length = 0; length < first.length; length += 1)
      expect(() => responder.read(first.subarray(0, length))).toThrow(NoiseError);
    expect(hex(responder.read(first).payload)).toBe(hex(hello));
  });

  test('refuses an answer with any byte changed or cut off, and takes the genuine one after it', () => {
    const initiator = new Initiator(initiatorSide, bob.publicKey);
    const responder = new Responder(responderSide);
    responder.read(initiator.write(hello));
    const { message } = responder.write(welcome);
    for (const changed of changes(message)) expect(() => initiator.read(changed)).toThrow(NoiseError);
    for (let length = 0; length < message.length; length += 1)
      expect(() => initiator.read(message.subarray(0, length))).toThrow(NoiseError);
    expect(hex(initiator.read(message).payload)).toBe(hex(welcome));
  });

  test('is refused by who is not the peer that it was for', () => {
    const first = new Initiator(initiatorSide, bob.publicKey).write(hello);
    expect(() => new Responder({ ...responderSide, local: mallory }).read(first)).toThrow(NoiseError);
  });

  test('is refused with another prologue', () => {
    const first = new Initiator(initiatorSide, bob.publicKey).write(hello);
    const prologue = Buffer.from('peerd alice carol');
    expect(() => new Responder({ ...responderSide, prologue }).read(first)).toThrow(NoiseError);
  });

  test('can not be completed with another psk', () => {
    const initiator = new Initiator(initiatorSide, bob.publicKey);
    const responder = new Responder({ ...responderSide, psk: filled(8) });
    responder.read(initiator.write(hello));
    const { message } = responder.write(welcome);
    expect(() => initiator.read(message)).toThrow(NoiseError);
  });

  test('can not be answered with the answer to another one', () => {
    const initiator = new Initiator(initiatorSide, bob.publicKey);
    initiator.write(hello);
    const earlier = new Initiator({ ...initiatorSide, ephemeral: filled(6) }, bob.publicKey);
    const responder = new Responder(responderSide);
    responder.read(earlier.write(hello));
    expect(() => initiator.read(responder.write(welcome).message)).toThrow(NoiseError);
  });

  test('can not be answered with its own first message', () => {
    const initiator = new Initiator(initiatorSide, bob.publicKey);
    const first = initiator.write(hello);
    expect(() => initiator.read(first)).toThrow(NoiseError);
  });

  test('encrypts one payload under a key, never two', () => {
    const initiator = new Initiator(initiatorSide, bob.publicKey);
    const responder = new Responder(responderSide);
    expect(() => initiator.read(hello)).toThrow('was not written');
    expect(() => responder.write(welcome)).toThrow('was not read');
    const first = initiator.write(hello);
    expect(() => initiator.write(welcome)).toThrow('was written before');
    responder.read(first);
    expect(() => responder.read(first)).toThrow('was read before');
    responder.write(welcome);
    expect(() => responder.write(hello)).toThrow('was written before');
  });

  test.each(lowOrderPoints)('agrees on nothing with the point of low order %s', (point) => {
    const low = bytes(point);
    expect(() => new Initiator(initiatorSide, low).write(hello)).toThrow(NoiseError);
    const initiator = new Initiator(initiatorSide, bob.publicKey);
    const first = initiator.write(hello);
    const withLow = (message: Uint8Array) => Buffer.concat([low, message.subarray(32)]);
    expect(() => new Responder(responderSide).read(withLow(first))).toThrow('no public key');
    expect(() => initiator.read(withLow(first))).toThrow('no public key');
  });
});

describe('a sealed message', () => {
  const agreed: Agreed = { prologue: initiatorSide.prologue, psk: initiatorSide.psk };

  test('is, byte by byte, that of the published vectors', () => {
    const { payload, ciphertext } = nPsk0.message;
    const vector = { prologue: bytes(nPsk0.prologue), psk: bytes(nPsk0.psk) };
    const recipient = pairOf(bytes(nPsk0.responderStatic));
    const sealed = seal(vector, recipient.publicKey, bytes(nPsk0.initiatorEphemeral), bytes(payload));
    expect(hex(sealed)).toBe(ciphertext);
    expect(hex(open(vector, recipient, sealed))).toBe(payload);
  });

  test('can not be opened with any byte changed or cut off', () => {
    const sealed = seal(agreed, bob.publicKey, filled(4), hello);
    for (const changed of changes(sealed)) expect(() => open(agreed, bob, changed)).toThrow(NoiseError);
    for (let length = 0; length < sealed.length; length += 1)
      expect(() => open(agreed, bob, sealed.subarray(0, length))).toThrow(NoiseError);
    expect(hex(open(agreed, bob, sealed))).toBe(hex(hello));
  });

  test('can not be opened with another key, psk or prologue', () => {
    const sealed = seal(agreed, bob.publicKey, filled(4), hello);
    expect(() => open(agreed, mallory, sealed)).toThrow(NoiseError);
    expect(() => open({ ...agreed, psk: filled(8) }, bob, sealed)).toThrow(NoiseError);
    expect(() => open({ ...agreed, prologue: hello }, bob, sealed)).toThrow(NoiseError);
  });

  test.each(lowOrderPoints)('is not made for, nor taken from, the point of low order %s', (point) => {
    const low = bytes(point);
    expect(() => seal(agreed, low, filled(4), hello)).toThrow(NoiseError);
    const sealed = seal(agreed, bob.publicKey, filled(4), hello);
    expect(() => open(agreed, bob, Buffer.concat([low, sealed.subarray(32)]))).toThrow('no public key');
  });
});
