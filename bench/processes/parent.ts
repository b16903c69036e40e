/** A child's side of `children.ts`. */
import { closedLoop, type Measured, pacedLoop } from '../loops.ts';

/** What the parent wants measured: one caller that pauses after each answer, or callers that don't. */
export interface Order {
  readonly id: number;
  readonly work: {
    readonly ms: number;
    readonly payloadBytes: number;
    readonly callers: number;
    /** Only with one caller. */
    readonly pauseMs?: number;
  };
}

/** 0 is what the child says when it is ready, else the answer to an order. */
export interface Said {
  readonly id: number;
  readonly value: unknown;
}

const closeTimeoutMs = 10_000;

/** Sends the payload, resolves to the answer, which is as long. */
export type Call = (payload: Uint8Array) => Promise<{ readonly length: number } | undefined>;

/** Says that the process is ready. It ends when the parent lets go of it, unless `close` has something to do first. */
export function ready(value: unknown, close: () => Promise<unknown> = async () => {}): void {
  process.once('disconnect', () => {
    setTimeout(() => fail(new Error('it could not be closed')), closeTimeoutMs);
    close().then(() => process.exit(), fail);
  });
  say({ id: 0, value });
}

/** The same for one that asks: it measures `call` whenever the parent says so. */
export function readyToAsk(call: Call, close?: () => Promise<unknown>): void {
  process.on('message', ({ id, work }: Order) => {
    measure(work, call).then((value) => say({ id, value }), fail);
  });
  ready(undefined, close);
}

async function measure({ ms, payloadBytes, callers, pauseMs }: Order['work'], call: Call): Promise<Measured> {
  const payload = new Uint8Array(payloadBytes).fill(1);
  const answer = await call(payload);
  if (answer?.length !== payloadBytes)
    throw new Error(`asked with ${payloadBytes} bytes, answered with ${answer?.length}`);
  if (pauseMs !== undefined) return await pacedLoop(pauseMs, ms, () => call(payload));
  return await closedLoop(callers, ms, () => call(payload));
}

function say(said: Said): void {
  process.send?.(said);
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}
