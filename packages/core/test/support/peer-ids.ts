import { isPeerId, KEY_BYTES, keyOfPeer, peerOfKey } from '../../src/peer-keys.ts';

/** The id of the peer that a test calls so: ids sort as their names do. An id stays what it is. */
export function idOf(name: string): string {
  if (isPeerId(name)) return name;
  const key = new Uint8Array(KEY_BYTES);
  key.set(Buffer.from(name));
  return peerOfKey(key);
}

/** What a test calls the peer, if it does. */
export function nameOf(id: string): string {
  const text = Buffer.from(keyOfPeer(id) ?? []).toString('latin1');
  return /^([\w.-]+)\0*$/.exec(text)?.[1] ?? id;
}

/** The same, with the names of peers wherever ids are. */
export function named<T>(value: T): T {
  if (typeof value === 'string') return nameOf(value) as T;
  if (Array.isArray(value)) return value.map(named) as T;
  if (typeof value !== 'object' || value === null || value.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, named(each)])) as T;
}
