import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { inspect } from 'node:util';
import { PeerdError } from '@peerd/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeSecret,
  encodeSecret,
  encryptionKeyOf,
  generateSecret,
  peerIdOf,
  privateKeyOf,
} from '../src/identity.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** RFC 8032, section 7.1, test 1; its forms in base58 and as a peer id as go-libp2p and rust-libp2p write them. */
const known = {
  secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  base58: 'BbMQkQYZspmkytduTWvXEtc4mMURjsekJDvty2WtKeSb',
  peerId: '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV',
};

describe('a secret', () => {
  test('in base58 is a known identity', async () => {
    const secret = decodeSecret(known.base58);
    expect(hex(secret)).toBe(known.secret);
    expect(hex((await privateKeyOf(secret)).publicKey.raw)).toBe(known.publicKey);
    expect(await peerIdOf(secret)).toBe(known.peerId);
  });

  test('comes out of base58 as it went in, leading zeros and a line’s end included', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(32), (bytes, zeros) => {
        bytes.fill(0, 0, zeros);
        expect(hex(decodeSecret(`${encodeSecret(bytes)}\n`))).toBe(hex(bytes));
      }),
    );
  });

  test('that is fresh is 32 bytes, and another one each time', async () => {
    const [one, two] = [await generateSecret(), await generateSecret()];
    expect(one.length).toBe(32);
    expect(hex(one)).not.toBe(hex(two));
    expect(await peerIdOf(one)).not.toBe(await peerIdOf(two));
  });

  const long = 'x'.repeat(50);
  const table: [string, string, string][] = [
    ['that is not base58', 'O0Il-supersecret', 'is not base58'],
    ['with a space in it', `${known.base58.slice(0, 20)} ${known.base58.slice(20)}`, 'is not base58'],
    ['that is too short', known.base58.slice(4), 'bytes long: expected 32'],
    ['that is too long', `${known.base58}${long}`, 'bytes long: expected 32'],
    ['that is empty', '', 'is 0 bytes long'],
  ];
  test.each(table)('%s is refused, and nothing of it is shown', (_, text, message) => {
    let error: unknown;
    try {
      decodeSecret(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PeerdError);
    expect(error).toMatchObject({ code: 'invalid' });
    expect((error as Error).message).toContain(message);
    // With its stack and its cause, as a log would have it.
    for (let at = 0; at + 8 <= text.length; at += 1)
      expect(inspect(error)).not.toContain(text.slice(at, at + 8));
  });

  test('of another length than 32 bytes is no key', async () => {
    await expect(privateKeyOf(new Uint8Array(31))).rejects.toMatchObject({ code: 'invalid' });
    await expect(peerIdOf(new Uint8Array(33))).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('the encryption key of an identity', () => {
  test('is the same each time, and another one for another identity', () => {
    const secret = decodeSecret(known.base58);
    expect(encryptionKeyOf(secret)).toEqual(encryptionKeyOf(secret));
    expect(hex(encryptionKeyOf(secret).publicKey)).not.toBe(
      hex(encryptionKeyOf(new Uint8Array(32)).publicKey),
    );
    expect(hex(encryptionKeyOf(secret).privateKey)).not.toBe(known.secret);
  });

  test('is an X25519 pair: two sides agree on one shared secret', () => {
    const [a, b] = [encryptionKeyOf(new Uint8Array(32).fill(1)), encryptionKeyOf(new Uint8Array(32).fill(2))];
    expect(shared(a.privateKey, b.publicKey)).toBe(shared(b.privateKey, a.publicKey));
  });
});

function shared(privateKey: Uint8Array, publicKey: Uint8Array): string {
  const der = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), privateKey]);
  const x = Buffer.from(publicKey).toString('base64url');
  return diffieHellman({
    privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' }),
  }).toString('hex');
}
