import { PeerdError } from '@peerd/protocol';
import { parseTarget } from './host/address.ts';
import type { Target } from './peers/target.ts';

/** Parsed targets that are kept: a busy caller asks the same few peers. */
const MAX_CACHED_TARGETS = 1_024;

/** What callers mean by a peer, parsed once. */
export class Targets {
  readonly #targets = new Map<string, Target>();

  /** Fails with `invalid` when it can't mean any. */
  of(peer: string): Target {
    let target = this.#targets.get(peer);
    if (target === undefined) {
      target = parseTarget(checkText('a peer', peer));
      if (this.#targets.size >= MAX_CACHED_TARGETS) this.#targets.clear();
      this.#targets.set(peer, target);
    }
    return target;
  }
}

/** What the types rule out, a program without them can still pass: it must not get as far as the loop. */
export function checkText(what: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new PeerdError('invalid', `${what} is a text, not ${value === null ? 'null' : typeof value}`);
}

export function checkPayload(payload: unknown): void {
  if (!(payload instanceof Uint8Array)) throw new PeerdError('invalid', 'a payload is a Uint8Array');
}

export function checkHandler(handler: unknown): void {
  if (typeof handler !== 'function')
    throw new PeerdError(
      'invalid',
      `a handler is a function, not ${handler === null ? 'null' : typeof handler}`,
    );
}

export function checkCount(what: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new PeerdError('invalid', `${what} is ${value}: expected a whole number from 1 up`);
}
