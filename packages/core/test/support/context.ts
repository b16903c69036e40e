import type { Context, Message } from '../../src/server/feature.ts';
import { seededRandom } from '../../src/server/random.ts';

type Of<Out extends Message, Type extends Out['type']> = Extract<Out, { type: Type }>;

/** What a feature's state is given in a test: a clock that stands still, and outputs that are kept. */
export class FakeContext<Out extends Message> implements Context<Out> {
  nowMs = 0;
  outputs: Out[] = [];
  random: () => number;

  constructor(seed = 1) {
    this.random = seededRandom([seed, 2, 3, 4]);
  }

  emit(output: Out): void {
    this.outputs.push(output);
  }

  /** Takes all outputs out. */
  take(): Out[] {
    return this.outputs.splice(0);
  }

  /** Takes the outputs of one type out; the others stay. */
  takeOf<Type extends Out['type']>(type: Type): Of<Out, Type>[] {
    const found = this.outputs.filter((output) => output.type === type);
    this.outputs = this.outputs.filter((output) => output.type !== type);
    return found as Of<Out, Type>[];
  }
}
