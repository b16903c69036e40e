/**
 * The cipher of Noise, ChaCha20-Poly1305, on a stream of bytes: what encryption alone costs a pipe. The key is known and
 * packets can be left out or replayed unnoticed: for nothing but this.
 */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

const cipher = 'chacha20-poly1305';
const key = createSecretKey(Buffer.alloc(32, 1));
const authTagLength = 16;
const headerBytes = 4;

function nonceOf(packet: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(4, packet, true);
  return nonce;
}

/** Each chunk, 64 KiB of a socket at most, becomes a packet: its length, the ciphertext and its tag. */
export function sealing(): Transform {
  let packets = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      const sealing = createCipheriv(cipher, key, nonceOf(packets++), { authTagLength });
      const header = Buffer.alloc(headerBytes);
      header.writeUInt32LE(chunk.length + authTagLength);
      this.push(header);
      this.push(sealing.update(chunk));
      sealing.final();
      this.push(sealing.getAuthTag());
      done();
    },
  });
}

export function opening(): Transform {
  let packets = 0;
  let waiting: Buffer = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      let at = 0;
      const bytes = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      while (bytes.length - at >= headerBytes) {
        const end = at + headerBytes + bytes.readUInt32LE(at);
        if (end > bytes.length) break;
        const opening = createDecipheriv(cipher, key, nonceOf(packets++), { authTagLength });
        opening.setAuthTag(bytes.subarray(end - authTagLength, end));
        const plaintext = opening.update(bytes.subarray(at + headerBytes, end - authTagLength));
        opening.final();
        this.push(plaintext);
        at = end;
      }
      waiting = bytes.subarray(at);
      done();
    },
  });
}
