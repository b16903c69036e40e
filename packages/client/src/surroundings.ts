/** What a session takes from the world around it. */
export interface Surroundings {
  nowMs(): number;
  /** From 0 up to and without 1. */
  random(): number;
  /** Calls `then` after that time; returns how to call it off. */
  after(delayMs: number, then: () => void): () => void;
}

/** The longest delay a timer takes. */
export const maxTimerMs = 0x7fff_ffff;

export const realSurroundings: Surroundings = {
  nowMs: () => performance.now(),
  random: Math.random,
  after(delayMs, then) {
    const timer = setTimeout(then, Math.min(delayMs, maxTimerMs));
    return () => clearTimeout(timer);
  },
};
