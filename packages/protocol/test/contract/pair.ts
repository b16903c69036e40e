import { type Client, PeerdError, type PeerRef, type Registration } from '@peerd/protocol';
import { expect } from 'vitest';

export interface ContractPeer {
  client: Client;
  id: string;
  name: string;
}

/** Where nobody listens. */
export const nowhere = '/ip4/127.0.0.1/tcp/1';

/** Two peers that are connected, or reach each other over others, each with a client of its own. */
export interface ContractPair {
  a: ContractPeer;
  /** Configured to reach `nowhere` too. */
  b: ContractPeer;
  /** The peers that what `a` asks `b` passes. Default: none. */
  between?: readonly PeerRef[];
  close(): Promise<void>;
}

export type MakePair = () => Promise<ContractPair>;

/** A pair that stands for all tests of a suite, from its `beforeAll` on. */
export interface StandingPair {
  readonly a: ContractPeer;
  readonly b: ContractPeer;
  readonly between: readonly PeerRef[];
  /** A name for a service of a test's own. */
  newService(): string;
  /** A service of its own for each test, answered by `b`. */
  serve(handler: Parameters<Client['handle']>[1]): Promise<{ service: string; registration: Registration }>;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** The signal's abort as a promise. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

export async function failure(promise: Promise<unknown>): Promise<PeerdError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PeerdError);
  return error as PeerdError;
}

export async function collect(answers: AsyncIterable<Uint8Array>): Promise<string[]> {
  const all: string[] = [];
  for await (const answer of answers) all.push(text(answer));
  return all;
}
