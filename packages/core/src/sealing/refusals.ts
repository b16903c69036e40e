import type { CounterInfo } from '@peerd/protocol';

/** Why a message was refused: named as `top` shows it. */
const reasons = {
  denied: 'sealed messages from peers that may not be here',
  reflected: 'sealed messages that came back to their sender',
  unreadable: 'sealed messages that were altered, or are for another key or network',
  malformed: 'malformed sealed messages',
  misdirected: 'sealed messages for somebody else',
  outlived: 'sealed messages for an earlier run',
  expired: 'expired sealed messages',
  early: 'sealed messages dated too far ahead',
  replayed: 'sealed messages that came before',
  forged: 'forged sealed messages',
  unknown: 'sealed messages of an unknown purpose',
} as const;

export type Reason = keyof typeof reasons;

/** How often a message was refused, by the reason. */
export class Refusals {
  readonly #counts = new Map<Reason, number>();

  add(reason: Reason): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  get counters(): readonly CounterInfo[] {
    return Object.entries(reasons).map(([reason, name]) => ({
      name,
      count: this.#counts.get(reason as Reason) ?? 0,
    }));
  }

  snapshot(): unknown {
    return [...this.#counts];
  }
}
