import {
  createCipheriv,
  createDecipheriv,
  createHash,
  randomBytes,
  type ScryptOptions,
  scrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { peerIdOf } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';

/*
 * An identity sealed with a passphrase: text, so that it survives a paste, and each line says what it is.
 *
 *   peerd-identity-1
 *   id 12D3KooW…
 *   scrypt N=131072 r=8 p=1 salt=…           RFC 7914
 *   aes-256-gcm nonce=… sealed=…             the 32 bytes and the tag; the lines above are authenticated too
 *   sha256 …                                 of all of the above: tells damage from a wrong passphrase, for everyone
 */

const version = 'peerd-identity-1';
const cipher = 'aes-256-gcm';
const keyBytes = 32;
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;

/** What OWASP's password storage cheat sheet asks of scrypt: 128 MiB, and some 0.4 s, for each guess. */
const parameters: Cost = { N: 2 ** 17, r: 8, p: 1 };

/** Bytes of memory that a file may ask for: twice of ours. And the least that is worth a passphrase. */
const maxMemoryBytes = 256 * 1024 * 1024;
const minN = 2 ** 14;
const maxP = 4;

/** Longest file that is looked at: ours have some 300 bytes. */
const maxTextLength = 4_096;

/** Fewer can be guessed, whatever each guess costs. */
const minPassphraseLength = 8;

interface Cost {
  N: number;
  r: number;
  p: number;
}

const derive = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/** The text of the identity of this secret. Fails with `invalid` on a passphrase of less than 8 characters. */
export async function sealIdentity(secret: Uint8Array, passphrase: string): Promise<string> {
  if ([...passphrase].length < minPassphraseLength)
    throw new PeerdError(
      'invalid',
      `the passphrase is too short: at least ${minPassphraseLength} characters`,
    );
  const salt = randomBytes(saltBytes);
  const nonce = randomBytes(nonceBytes);
  const { N, r, p } = parameters;
  const head = [
    version,
    `id ${await peerIdOf(secret)}`,
    `scrypt N=${N} r=${r} p=${p} salt=${salt.toString('base64url')}`,
    `${cipher} nonce=${nonce.toString('base64url')}`,
  ].join('\n');
  const sealing = createCipheriv(cipher, await keyOf(passphrase, salt, parameters), nonce);
  sealing.setAAD(Buffer.from(head));
  const sealed = Buffer.concat([sealing.update(secret), sealing.final(), sealing.getAuthTag()]);
  const body = `${head} sealed=${sealed.toString('base64url')}\n`;
  return `${body}sha256 ${digest(body)}\n`;
}

/** The secret in such a text. Fails with `invalid`: not such a text, damaged, or a wrong passphrase. */
export async function openIdentity(
  text: string,
  passphrase: string,
): Promise<{ secret: Uint8Array; id: string }> {
  const { head, id, cost, salt, nonce, sealed } = parse(text);
  const opening = createDecipheriv(cipher, await keyOf(passphrase, salt, cost), nonce);
  opening.setAAD(Buffer.from(head));
  opening.setAuthTag(sealed.subarray(-tagBytes));
  let secret: Uint8Array;
  try {
    secret = Buffer.concat([opening.update(sealed.subarray(0, -tagBytes)), opening.final()]);
  } catch {
    throw new PeerdError('invalid', `the passphrase is not that of this identity (${id})`);
  }
  if ((await peerIdOf(secret)) !== id)
    throw new PeerdError('invalid', `the identity is not the one that it says it is (${id})`);
  return { secret, id };
}

/** Fails with `invalid` on what no passphrase can open: not such a text, or damaged. */
export function checkSealed(text: string): void {
  parse(text);
}

interface Sealed {
  /** What is authenticated beside the secret. */
  head: string;
  id: string;
  cost: Cost;
  salt: Buffer;
  nonce: Buffer;
  sealed: Buffer;
}

function parse(text: string): Sealed {
  const lines = text.slice(0, maxTextLength).replaceAll('\r\n', '\n').trim();
  if (!lines.startsWith('peerd-identity-') || text.length > maxTextLength)
    throw new PeerdError('invalid', 'this is no exported identity: `peerd identity export` makes one');
  if (!lines.startsWith(`${version}\n`))
    throw new PeerdError('invalid', `this peerd reads ${version}: the identity was exported by a newer one`);
  const [, body = '', sum] = /^(.*\n)sha256 ([0-9a-f]{64})$/s.exec(lines) ?? [];
  if (sum === undefined || digest(body) !== sum) throw damaged();
  const form =
    /^((?:.*)\nid (\w+)\nscrypt N=(\d{1,9}) r=(\d{1,3}) p=(\d{1,3}) salt=([\w-]+)\naes-256-gcm nonce=([\w-]+)) sealed=([\w-]+)\n$/;
  const [, head, id, N, r, p, ...encoded] = form.exec(body) ?? [];
  const [salt, nonce, sealed] = encoded.map((part) => Buffer.from(part, 'base64url'));
  if (head === undefined || id === undefined || !salt || !nonce || !sealed) throw damaged();
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  if (salt.length !== saltBytes || nonce.length !== nonceBytes || sealed.length !== keyBytes + tagBytes)
    throw damaged();
  checkCost(cost);
  return { head, id, cost, salt, nonce, sealed };
}

/** A file of somebody else's making must not have us take all memory, nor give the passphrase away for nothing. */
function checkCost({ N, r, p }: Cost): void {
  const isPower = N > 1 && Number.isInteger(Math.log2(N));
  if (!isPower || N < minN || r < 8 || p < 1 || p > maxP || 128 * N * r > maxMemoryBytes)
    throw new PeerdError(
      'invalid',
      `the identity asks for scrypt N=${N} r=${r} p=${p}, which is out of bounds`,
    );
}

function damaged(): PeerdError {
  return new PeerdError(
    'invalid',
    'the exported identity is damaged or was altered: take another copy of it',
  );
}

/** Typed in one way or another, the same letters are the same passphrase. */
function keyOf(passphrase: string, salt: Uint8Array, { N, r, p }: Cost): Promise<Buffer> {
  return derive(passphrase.normalize('NFC'), salt, keyBytes, { N, r, p, maxmem: 2 * maxMemoryBytes });
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
