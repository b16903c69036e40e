/** How many texts are kept: the same few peers, services and topics come again and again. */
const slots = 256;

/** Longest text that is kept, in bytes: a peer id has 52. */
const maxKeptBytes = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

interface Kept {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * Decodes texts of which many are the same: those that were met of late are compared, which costs less, and give
 * the very same string, whose hash a map has at hand. It holds at most 256 texts of 64 bytes.
 */
export class TextDecoding {
  readonly #kept: (Kept | undefined)[] = new Array(slots).fill(undefined);

  /** The text at `start` to `end`; undefined if that is no UTF-8. */
  decode(bytes: Uint8Array, start: number, end: number): string | undefined {
    if (start === end) return '';
    const length = end - start;
    if (length > maxKeptBytes) return decoded(bytes.subarray(start, end));
    // Ids begin alike: their ends tell them apart.
    const hash = length + 31 * (bytes[end - 1] as number) + 7 * (bytes[start + (length >> 1)] as number);
    const slot = hash % slots;
    const kept = this.#kept[slot];
    if (kept !== undefined && isAt(bytes, start, length, kept.bytes)) return kept.text;
    const copy = bytes.slice(start, end);
    const text = decoded(copy);
    if (text !== undefined) this.#kept[slot] = { bytes: copy, text };
    return text;
  }
}

/** Encodes texts of which many are the same. It holds at most 256 of 64 characters. */
export class TextEncoding {
  readonly #kept = new Map<string, Uint8Array>();

  /** The text as UTF-8. It must not be changed. */
  encode(text: string): Uint8Array {
    const kept = this.#kept.get(text);
    if (kept !== undefined) return kept;
    const bytes = encoder.encode(text);
    if (text.length > maxKeptBytes) return bytes;
    if (this.#kept.size >= slots) this.#kept.clear();
    this.#kept.set(text, bytes);
    return bytes;
  }
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function isAt(bytes: Uint8Array, start: number, length: number, other: Uint8Array): boolean {
  if (length !== other.length) return false;
  for (let i = 0; i < length; i += 1) if (bytes[start + i] !== other[i]) return false;
  return true;
}
