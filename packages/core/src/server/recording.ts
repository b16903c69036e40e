import type { Settler } from '../channel/responder.ts';
import { type CoreConfig, NodeCore } from './core.ts';
import type { Input, Output } from './messages.ts';
import type { Recorder } from './server.ts';

/** An input without what can't be kept: each responder is a `ResponderMark`, bytes are copies. */
export type RecordedInput = { readonly type: Input['type'] } & Readonly<Record<string, unknown>>;

export interface RecordedTurn {
  readonly nowMs: number;
  readonly inputs: readonly RecordedInput[];
}

const responderMark = { isResponder: true } as const;

/**
 * What a run of the loop took in, turn by turn, as plain data. It grows for as long as the run lasts. It holds every
 * payload, the key of the network's secret and what the keys of sessions come from: who gets a recording can join the
 * network, and read what went through it.
 */
export class Recording implements Recorder {
  config: CoreConfig | undefined;
  startedMs = 0;
  readonly turns: { nowMs: number; inputs: RecordedInput[] }[] = [];
  /** The state at the end of the run. */
  snapshot: Record<string, unknown> | undefined;

  begin(config: CoreConfig, startedMs: number): void {
    this.config = config;
    this.startedMs = startedMs;
  }

  turn(nowMs: number): void {
    this.turns.push({ nowMs, inputs: [] });
  }

  input(input: Input): void {
    this.turns.at(-1)?.inputs.push(plain(input) as RecordedInput);
  }

  end(snapshot: Record<string, unknown>): void {
    this.snapshot = snapshot;
  }
}

/**
 * Feeds a recorded run to a fresh state, with nothing behind it: `carryOut` sees the outputs, the time is the
 * recorded one. With the configuration of the run, its state is the run's.
 */
export function replay(
  config: CoreConfig,
  recording: { readonly startedMs: number; readonly turns: readonly RecordedTurn[] },
  carryOut: (output: Output) => void = () => {},
): NodeCore {
  const core = new NodeCore(config, recording.startedMs, carryOut);
  for (const { nowMs, inputs } of recording.turns) {
    core.nowMs = nowMs;
    for (const input of inputs) core.step(revived(input));
    core.flush();
  }
  return core;
}

function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('resolve' in value && 'reject' in value) return responderMark;
  // Not structuredClone: it would copy the whole chunk that a payload is a view of.
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

/** The input with a responder that nobody awaits for each one it had. */
function revived(input: RecordedInput): Input {
  const fields = Object.entries(input).map(([key, field]) => [key, isMark(field) ? unawaited : field]);
  return Object.fromEntries(fields) as Input;
}

function isMark(field: unknown): boolean {
  return typeof field === 'object' && field !== null && 'isResponder' in field;
}

const unawaited: Settler<unknown> = { resolve() {}, reject() {} };
