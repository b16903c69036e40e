import { describe, expect, test } from 'vitest';
import { admits } from '../src/services/access.ts';
import { Member, Pool } from '../src/services/pool.ts';
import { FakeContext } from './support/context.ts';

describe('the pool of handlers of a service', () => {
  test('gives each request to whom a search through all of them would find', () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const { random } = new FakeContext(seed);
      const upTo = (n: number) => Math.floor(random() * n);
      const pool = new Pool<Member>();
      /** The members, and since when each has had as many in hand as it has. */
      const since = new Map<Member, number>();
      const given: Member[] = [];
      let last = 0;
      for (let step = 0; step < 2_000; step += 1) {
        const what = random();
        last += 1;
        if (what < 0.05) {
          const admitted = random() < 0.5 ? undefined : new Set(random() < 0.5 ? ['bob'] : []);
          const member = new Member(step, admitted, 1 + upTo(4));
          pool.add(member);
          since.set(member, last);
        } else if (what < 0.08 && since.size > 0) {
          const member = [...since.keys()][upTo(since.size)] as Member;
          pool.remove(member);
          since.delete(member);
        } else if (what < 0.55) {
          const peer = random() < 0.5 ? 'bob' : 'carol';
          const [best] = [...since]
            .filter(([each]) => each.inHand < each.concurrency && admits(each.admitted, peer))
            .sort(([a, sinceA], [b, sinceB]) => a.inHand - b.inHand || sinceA - sinceB);
          const taken = pool.take(peer);
          expect(taken?.ref, `seed ${seed}, step ${step}`).toBe(best?.[0].ref);
          if (taken === undefined) continue;
          since.set(taken, last);
          given.push(taken);
        } else if (given.length > 0) {
          const [member] = given.splice(upTo(given.length), 1) as [Member];
          pool.done(member);
          if (since.has(member)) since.set(member, last);
        }
      }
      expect(given.length).toBeGreaterThan(0);
    }
  });

  test('has a place for a handler whatever it has in hand', () => {
    const pool = new Pool<Member>();
    const member = new Member(1, undefined, 1_000_000);
    pool.add(member);
    for (let given = 0; given < 200_000; given += 1) expect(pool.take('bob') === member).toBe(true);
    expect(member.inHand).toBe(200_000);
    for (let done = 0; done < 200_000; done += 1) pool.done(member);
    expect(pool.take('bob')).toBe(member);
  });
});
