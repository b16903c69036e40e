/** Random, so that nobody who has not seen the probe can reply to it. */
export const NONCE_BYTES = 16;

const SIGNATURE_BYTES = 64;

export interface Reply {
  readonly nonce: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a probe went out with. */
export interface ProbeHead {
  readonly source: string;
  readonly destination: string;
  /** Links that it could take. */
  readonly hops: number;
}

export interface Probe {
  readonly nonce: Uint8Array;
  readonly hops: number;
}

export function encodeProbe({ nonce, hops }: Probe): Uint8Array {
  const body = new Uint8Array(NONCE_BYTES + 1);
  body.set(nonce);
  body[NONCE_BYTES] = hops;
  return body;
}

/** `undefined`: it is none. */
export function decodeProbe(body: Uint8Array): Probe | undefined {
  if (body.length !== NONCE_BYTES + 1) return undefined;
  return { nonce: body.subarray(0, NONCE_BYTES), hops: body[NONCE_BYTES] as number };
}

export function encodeReply({ nonce, signature }: Reply): Uint8Array {
  const body = new Uint8Array(NONCE_BYTES + SIGNATURE_BYTES);
  body.set(nonce);
  body.set(signature, NONCE_BYTES);
  return body;
}

/** `undefined`: it is none. */
export function decodeReply(body: Uint8Array): Reply | undefined {
  if (body.length !== NONCE_BYTES + SIGNATURE_BYTES) return undefined;
  return { nonce: body.subarray(0, NONCE_BYTES), signature: body.subarray(NONCE_BYTES) };
}

/** What a peer signs that says that a probe has come to it. */
export function replyStatement(
  replier: string,
  nonce: Uint8Array,
  { source, destination, hops }: ProbeHead,
): Uint8Array {
  const text = `peerd trace reply 1\n${replier}\n${source}\n${destination}\n${hops}\n`;
  return Buffer.concat([Buffer.from(text), nonce]);
}
