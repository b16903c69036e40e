import { createHash } from 'node:crypto';
import { encodeSecret, generateSecret, peerIdOf } from '@peerd/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { openIdentity, sealIdentity } from '../src/data/sealed-identity.ts';

const passphrase = 'correct horse';
let secret: Uint8Array;
let text: string;
beforeAll(async () => {
  secret = await generateSecret();
  text = await sealIdentity(secret, passphrase);
});

/** As somebody would who alters it on purpose. */
function resummed(altered: string): string {
  const body = altered.replace(/sha256 .*\n$/, '');
  return `${body}sha256 ${createHash('sha256').update(body).digest('hex')}\n`;
}

async function failure(altered: string, word = passphrase): Promise<string> {
  const error = await openIdentity(altered, word).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'invalid' });
  expect((error as Error).message).not.toContain(encodeSecret(secret));
  return (error as Error).message;
}

test('what was sealed is opened with the passphrase, and tells its id', async () => {
  const opened = await openIdentity(text, passphrase);
  expect(Buffer.from(opened.secret)).toEqual(Buffer.from(secret));
  expect(opened.id).toBe(await peerIdOf(secret));
  expect(text).toContain(`\nid ${opened.id}\n`);
});

test('line ends of another system, and blank lines around it, do no harm', async () => {
  const opened = await openIdentity(`\n${text.replaceAll('\n', '\r\n')}\n`, passphrase);
  expect(opened.id).toBe(await peerIdOf(secret));
});

test('the same letters typed in another way are the same passphrase', async () => {
  const composed = await sealIdentity(secret, 'pässwört'.normalize('NFC'));
  expect((await openIdentity(composed, 'pässwört'.normalize('NFD'))).id).toBe(await peerIdOf(secret));
});

test('sealed twice it is never the same, and the secret is not in it', async () => {
  const again = await sealIdentity(secret, passphrase);
  expect(again).not.toBe(text);
  expect(text).not.toContain(encodeSecret(secret));
  expect(text).not.toContain(Buffer.from(secret).toString('base64url'));
});

test('a passphrase of less than 8 characters is refused', async () => {
  await expect(sealIdentity(secret, 'seven 7')).rejects.toThrow('at least 8 characters');
});

test('a wrong passphrase is told from damage', async () => {
  expect(await failure(text, 'battery staple')).toContain('the passphrase is not that of this identity');
  expect(await failure(text.replace('scrypt', 'Scrypt'))).toContain('is damaged or was altered');
});

test('every character that is changed is noticed', async () => {
  for (let i = 0; i < text.length - 1; i += 7) {
    const other = text[i] === 'a' ? 'b' : 'a';
    expect(await failure(text.slice(0, i) + other + text.slice(i + 1))).toMatch(
      /damaged|no exported identity|newer/,
    );
  }
});

test('cut short anywhere it is refused', async () => {
  for (let length = 0; length < text.trim().length; length += 11) await failure(text.slice(0, length));
});

describe('one that was altered with its checksum', () => {
  test.each([
    ['the id', (of: string) => of.replace(/^id \w{10}/m, 'id 12D3KooWxx'), /passphrase is not that/],
    ['the nonce', (of: string) => of.replace(/nonce=.{4}/, 'nonce=AAAA'), /passphrase is not that/],
    ['the salt', (of: string) => of.replace(/salt=.{4}/, 'salt=AAAA'), /passphrase is not that/],
    ['the secret', (of: string) => of.replace(/sealed=.{4}/, 'sealed=AAAA'), /passphrase is not that/],
    ['less work', (of: string) => of.replace('N=131072', 'N=1024'), /out of bounds/],
    ['work that is no power of 2', (of: string) => of.replace('N=131072', 'N=131071'), /out of bounds/],
    ['much memory', (of: string) => of.replace('N=131072', 'N=134217728'), /out of bounds/],
    ['much time', (of: string) => of.replace('p=1', 'p=100'), /out of bounds/],
    ['a short tag', (of: string) => of.replace(/(sealed=.{40}).*/, '$1'), /damaged/],
    ['a line more', (of: string) => of.replace('\nscrypt', '\nx\nscrypt'), /damaged/],
    ['another version', (of: string) => of.replace('identity-1', 'identity-2'), /exported by a newer one/],
  ])('is refused: %s', async (_, alter, message) => {
    expect(await failure(resummed(alter(text)))).toMatch(message);
  });
});

test.each(['', 'peerd', '{}', 'x'.repeat(100_000), `peerd-identity-1\n${'x'.repeat(10_000)}`])(
  'garbage is no exported identity (%#)',
  async (garbage) => {
    expect(await failure(garbage)).toMatch(/no exported identity|damaged/);
  },
);
