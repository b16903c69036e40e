import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { AnswerStream } from '../src/control/answers.ts';

/** Collects what nobody holds any more. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

const stream = () => new AnswerStream({ taken() {}, left() {} });

describe('a stream of answers', () => {
  test('lets go of what was taken while its reader never catches up', async () => {
    const answers = stream();
    const taken: WeakRef<object>[] = [];
    answers.push(new Uint8Array(1_000));
    for (let i = 0; i < 1_000; i += 1) {
      answers.push(new Uint8Array(1_000));
      const { value } = await answers.next();
      taken.push(new WeakRef(value as Uint8Array));
    }
    await new Promise(setImmediate);
    collectGarbage();
    // Some may be found in registers and in what has not been overwritten.
    expect(taken.filter((answer) => answer.deref() !== undefined).length).toBeLessThan(10);
  });

  test('gives in order what waits, whatever comes in between', async () => {
    const answers = stream();
    const came: number[] = [];
    let next = 0;
    for (let round = 1; round <= 20; round += 1) {
      for (let i = 0; i < round; i += 1) answers.push(Uint8Array.of(next++));
      for (let i = 0; i < round - 1; i += 1) came.push((await answers.next()).value?.[0] as number);
    }
    answers.end();
    for await (const [number] of answers) came.push(number as number);
    expect(came).toEqual(Array.from({ length: 210 }, (_, i) => i));
  });
});
