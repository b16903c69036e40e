import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Waiting } from '../src/services/waiting.ts';

const request = (key: number, peer: string) => ({
  key,
  peer,
  peerName: undefined,
  service: 's',
  payload: new Uint8Array(0),
});
const peers = ['a', 'b', 'c', 'd'];

/** Counts the questions it is asked. */
class Asked extends Set<string> {
  questions = 0;

  override has(peer: string): boolean {
    this.questions += 1;
    return super.has(peer);
  }
}

describe('requests that wait for a handler', () => {
  test('are found as a search through all of them would find them, whoever leaves', () => {
    const step = fc.oneof(
      fc.record({ adds: fc.constantFrom(...peers) }),
      fc.record({ removes: fc.nat(40) }),
      fc.record({ admitted: fc.option(fc.subarray([...peers, 'nobody']), { nil: undefined }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const waiting = new Waiting();
        const all = new Map<number, string>();
        let key = 0;
        for (const each of steps)
          if ('adds' in each) {
            key += 1;
            all.set(key, each.adds);
            waiting.add(request(key, each.adds));
          } else if ('removes' in each) {
            expect(waiting.remove(each.removes)).toBe(all.delete(each.removes));
          } else {
            const admitted = each.admitted && new Set(each.admitted);
            const found = [...all].find(([, peer]) => admitted === undefined || admitted.has(peer));
            expect(waiting.oldestOf(admitted)?.key).toBe(found?.[0]);
            expect([...waiting].map((one) => one.key)).toEqual([...all.keys()]);
          }
        expect(waiting.size).toBe(all.size);
      }),
    );
  });

  test('of one peer are not gone through for another', () => {
    const waiting = new Waiting();
    for (let key = 1; key <= 10_000; key += 1) waiting.add(request(key, 'busy'));
    const admitted = new Asked(['other', 'one more']);
    expect(waiting.oldestOf(admitted)).toBeUndefined();
    expect(admitted.questions).toBeLessThanOrEqual(2);
  });
});
