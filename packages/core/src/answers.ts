import { Ring } from '@peerd/protocol/queues';

/** The answers of one streaming call on their way to the program that reads them. */
export class Answers {
  readonly #messages = new Ring<Uint8Array>();
  #outcome: { error: unknown } | 'end' | undefined;
  #wake: (() => void) | undefined;

  push(payload: Uint8Array): void {
    this.#messages.push(payload);
    this.#notify();
  }

  end(): void {
    this.#outcome ??= 'end';
    this.#notify();
  }

  fail(error: unknown): void {
    this.#outcome ??= { error };
    this.#notify();
  }

  /** The next answer, `undefined` at the end; fails as the call did, after the answers that came before. */
  async take(): Promise<Uint8Array | undefined> {
    for (;;) {
      const payload = this.#messages.shift();
      if (payload !== undefined) return payload;
      if (this.#outcome === 'end') return undefined;
      if (this.#outcome !== undefined) throw this.#outcome.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
