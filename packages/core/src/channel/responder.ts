/** Where the outcome of one command goes. Whoever takes the command calls one of the two, once. */
export interface Settler<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/**
 * The one-shot answer to one command: whoever sent the command awaits `promise`, the server settles it exactly
 * once. Settling it again does nothing.
 */
export class Responder<T> implements Settler<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
