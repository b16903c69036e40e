import { PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { Responder } from '../src/channel/responder.ts';
import type { DiscoveryInput, DiscoveryOutput } from '../src/discovery/messages.ts';
import { type DiscoveryConfig, DiscoveryState, MAX_REMEMBERED } from '../src/discovery/state.ts';
import { defaultLimits } from '../src/settings.ts';
import { FakeContext } from './support/context.ts';

const kad = '/peerd/kad/1.0.0';
const address = '/ip4/127.0.0.1/tcp/4001';
const kept = {
  kind: 'address',
  key: `${address}/p2p/bob`,
  address: `${address}/p2p/bob`,
  peer: 'bob',
} as const;
const unreachable = new PeerdError('unreachable', 'nobody there');

/** A state on a clock of its own, and what it did when. */
class Run {
  readonly context: FakeContext<DiscoveryOutput>;
  readonly state: DiscoveryState;
  /** `ms what`, in order. */
  readonly log: { atMs: number; output: DiscoveryOutput }[] = [];
  #lastRef = 0;

  constructor(config: Partial<DiscoveryConfig> = {}, seed = 1) {
    this.context = new FakeContext(seed);
    const whole = {
      isOn: true,
      dhtProtocol: kad,
      profile: 'local',
      peers: [],
      firstBootstrapMs: 5_000,
      bootstrapIntervalMs: 30_000,
      ...config,
    } as const;
    this.state = new DiscoveryState(this.context, whole, () => {
      this.#lastRef -= 1;
      return this.#lastRef;
    });
  }

  step(...inputs: DiscoveryInput[]): this {
    const handlers = this.state.handlers as unknown as Record<string, (input: DiscoveryInput) => void>;
    for (const input of inputs) {
      handlers[input.type]?.(input);
      for (const output of this.context.take()) this.log.push({ atMs: this.context.nowMs, output });
    }
    return this;
  }

  /** Ticks as they are asked for, up to a time. */
  until(ms: number): this {
    while (this.state.nextTickMs <= ms) {
      this.context.nowMs = Math.max(this.context.nowMs, this.state.nextTickMs);
      this.step({ type: 'tick' });
    }
    this.context.nowMs = ms;
    return this;
  }

  of<Type extends DiscoveryOutput['type']>(type: Type) {
    return this.log.flatMap(({ atMs, output }) =>
      output.type === type ? [{ atMs, ...(output as Extract<DiscoveryOutput, { type: Type }>) }] : [],
    );
  }

  /** The ref of the last dial. */
  get dialled(): number {
    return this.of('peer/reach').at(-1)?.ref ?? 0;
  }
}

const listening: DiscoveryInput = { type: 'node/listening', addresses: [address] };
const admitted = (peer: string): DiscoveryInput => ({
  type: 'peer/admitted',
  connection: 'c',
  peer,
  kind: 'peerd',
  name: peer,
  roles: [],
});
const identified = (peer: string, addresses: string[], protocols = [kad]): DiscoveryInput => {
  return { type: 'peer/identified', peer, connection: 'c', addresses, protocols };
};
const reached = (ref: number, peer: string): DiscoveryInput => ({
  type: 'peer/reached',
  ref,
  peer,
  connection: 'c',
  kind: 'peerd',
});
const unreached = (ref: number): DiscoveryInput => ({ type: 'peer/unreached', ref, error: unreachable });

const reconfigure = (peers: DiscoveryConfig['peers'], bootstrapIntervalMs = 30_000): DiscoveryInput => ({
  type: 'reconfigure',
  allow: [],
  deny: [],
  peers,
  bootstrapIntervalMs,
  limits: defaultLimits,
  services: {},
  responder: new Responder<void>(),
});

describe('the bootstrap of the DHT', () => {
  test('comes 5 s after the start and then every 30 s', () => {
    const run = new Run().step(listening).until(125_000);
    expect(run.of('dht/bootstrap').map(({ atMs }) => atMs)).toEqual([5_000, 35_000, 65_000, 95_000, 125_000]);
  });

  test('comes as often as it is configured', () => {
    const run = new Run({ firstBootstrapMs: 0, bootstrapIntervalMs: 100 }).step(listening).until(350);
    expect(run.of('dht/bootstrap').map(({ atMs }) => atMs)).toEqual([0, 100, 200, 300]);
  });

  test('never comes with discovery off', () => {
    const run = new Run({ isOn: false }).step(listening).until(1e6);
    expect(run.log).toEqual([]);
    expect(run.state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the table of the DHT', () => {
  const added = (run: Run) => run.of('dht/add').map(({ peer, addresses }) => [peer, addresses]);

  test('gets a peer at the addresses it listens on, once it is let in and identified, in either order', () => {
    expect(added(new Run().step(identified('bob', [address]), admitted('bob')))).toEqual([
      ['bob', [address]],
    ]);
    expect(added(new Run().step(admitted('bob'), identified('bob', [address])))).toEqual([
      ['bob', [address]],
    ]);
  });

  test.each<[string, Partial<DiscoveryConfig>, DiscoveryInput[]]>([
    ['that is not let in', {}, [identified('bob', [address])]],
    [
      'that does not take part in this DHT',
      {},
      [admitted('bob'), identified('bob', [address], ['/ipfs/kad/1.0.0'])],
    ],
    [
      'without an address for others',
      { profile: 'internet' },
      [admitted('bob'), identified('bob', [address])],
    ],
    ['with discovery off', { isOn: false }, [admitted('bob'), identified('bob', [address])]],
  ])('does not get a peer %s', (_, config, inputs) => {
    expect(added(new Run(config).step(...inputs))).toEqual([]);
  });

  const opened = (connection: string): DiscoveryInput => ({
    type: 'connection/opened',
    connection,
    peer: 'bob',
    address,
    direction: 'inbound',
    nonce: new Uint8Array(),
  });
  /** Bob is in the table, and connected. */
  const met = () => {
    const run = new Run().step(opened('c'), admitted('bob'), identified('bob', [address]), {
      type: 'dht/added',
      peer: 'bob',
    });
    run.log.length = 0;
    return run;
  };
  const removed = (run: Run) => run.of('dht/remove').map(({ peer }) => peer);

  test('loses a peer that can not be dialled', () => {
    expect(removed(met().step({ type: 'peer/dial-failed', peer: 'bob' }))).toEqual(['bob']);
  });

  test('loses a peer that does not answer a ping', () => {
    expect(removed(met().step({ type: 'connection/abort', connection: 'c', reason: 'no answer' }))).toEqual([
      'bob',
    ]);
  });

  test('keeps a peer that has another connection, and loses it with the last one', () => {
    const aborted = (connection: string): DiscoveryInput => {
      return { type: 'connection/abort', connection, reason: 'no answer' };
    };
    const closed: DiscoveryInput = { type: 'connection/closed', connection: 'd', peer: 'bob' };
    expect(removed(met().step(opened('d'), aborted('c')))).toEqual([]);
    expect(removed(met().step(opened('d'), aborted('c'), aborted('d')))).toEqual(['bob']);
    expect(removed(met().step(opened('d'), closed, aborted('c')))).toEqual(['bob']);
  });

  test('loses a peer once, and nobody who is not in it', () => {
    const failed: DiscoveryInput = { type: 'peer/dial-failed', peer: 'bob' };
    expect(removed(met().step(failed, failed, { type: 'peer/dial-failed', peer: 'eve' }))).toEqual(['bob']);
  });

  test('has a peer whose connection has gone dialled within 2 s: it answers or it leaves', () => {
    for (let seed = 1; seed < 20; seed += 1) {
      const run = met();
      run.step({ type: 'peer/disconnected', peer: 'bob' }).until(2_010);
      expect(run.of('peer/reach')).toMatchObject([{ target: { kind: 'id', peer: 'bob' } }]);
      expect(run.of('peer/reach')[0]?.atMs).toBeLessThanOrEqual(2_010);
      expect(removed(run)).toEqual([]);
    }
  });

  const aborted: DiscoveryInput = { type: 'connection/abort', connection: 'c', reason: 'no answer' };

  test('has a peer dialled whose connection was aborted: or nobody would ever find out that it is gone', () => {
    const run = met().step(aborted, { type: 'dht/removed', peer: 'bob' });
    run.step({ type: 'peer/disconnected', peer: 'bob' }).until(2_010);
    expect(run.of('peer/reach')).toMatchObject([{ target: { kind: 'id', peer: 'bob' } }]);
    // Once: another time that it disconnects it is no longer in the table.
    run.step({ type: 'peer/disconnected', peer: 'bob' }).until(5_000);
    expect(run.of('peer/reach')).toHaveLength(1);
  });

  test('has it dialled too when the DHT had not made sure of it yet, but not with discovery off', () => {
    for (const isOn of [true, false]) {
      const run = new Run({ isOn }).step(opened('c'), admitted('bob'), aborted);
      run.step({ type: 'peer/disconnected', peer: 'bob' }).until(2_010);
      expect(run.of('peer/reach')).toHaveLength(isOn ? 1 : 0);
    }
  });

  test('does not have a peer dialled that has come back by itself', () => {
    const run = met().step({ type: 'peer/disconnected', peer: 'bob' }, admitted('bob')).until(5_000);
    expect(run.of('peer/reach')).toEqual([]);
  });
});

describe('a configured peer', () => {
  const dials = (run: Run) => run.of('peer/reach').map(({ atMs }) => atMs);

  test('is dialled at the start, with discovery off too', () => {
    const run = new Run({ isOn: false, peers: [kept] }).step(listening);
    expect(run.of('peer/reach')).toMatchObject([{ atMs: 0, target: kept }]);
  });

  test('that can not be reached is told of once for each reason, and again after it was there', () => {
    const run = new Run({ isOn: false, peers: [kept] }).step(listening);
    const failed = (error: PeerdError) => run.step({ type: 'peer/unreached', ref: run.dialled, error });
    const told = () => run.of('discovery/unreached').map(({ error }) => error.message);
    failed(unreachable).until(1_000);
    failed(unreachable).until(5_000);
    expect(told()).toEqual(['nobody there']);
    expect(run.of('discovery/unreached')[0]?.nextDialMs).toBeGreaterThan(100);
    failed(new PeerdError('forbidden', 'not you')).until(20_000);
    expect(told()).toEqual(['nobody there', 'not you']);
    run.step(admitted('bob'), { type: 'peer/disconnected', peer: 'bob' }).until(60_000);
    failed(new PeerdError('forbidden', 'not you'));
    expect(told()).toEqual(['nobody there', 'not you', 'not you']);
  });

  test('that can not be reached is dialled again after pauses that double up to a minute, with jitter', () => {
    const pauses = new Map<number, Set<number>>();
    for (let seed = 1; seed <= 30; seed += 1) {
      const run = new Run({ isOn: false, peers: [kept] }, seed).step(listening);
      for (let failures = 0; failures < 10; failures += 1) {
        run.step(unreached(run.dialled));
        const before = run.context.nowMs;
        run.until(run.state.nextTickMs);
        const pause = run.context.nowMs - before;
        const longest = Math.min(60_000, 500 * 2 ** failures);
        expect(pause).toBeGreaterThanOrEqual(longest / 2);
        expect(pause).toBeLessThanOrEqual(longest + 10);
        pauses.set(failures, (pauses.get(failures) ?? new Set()).add(pause));
      }
    }
    // Not all the same: peers that lost one neighbour do not come back together.
    for (const [failures, seen] of pauses) expect(seen.size, `after ${failures}`).toBeGreaterThan(8);
  });

  test('that lets us in and closes at once is dialled at ever longer pauses', () => {
    const run = new Run({ isOn: false, peers: [kept] }).step(listening);
    for (let tries = 0; tries < 12; tries += 1) {
      run.step(reached(run.dialled, 'bob'), admitted('bob'), { type: 'peer/disconnected', peer: 'bob' });
      run.until(run.state.nextTickMs);
      expect(dials(run).length).toBe(tries + 2);
    }
    expect(run.context.nowMs).toBeGreaterThan(60_000);
  });

  test('that was reached for 10 s and is lost is dialled again soon, however often it had failed before', () => {
    const run = new Run({ isOn: false, peers: [kept] }).step(listening);
    for (let failures = 0; failures < 8; failures += 1)
      run.step(unreached(run.dialled)).until(run.state.nextTickMs);
    run.step(reached(run.dialled, 'bob'), admitted('bob'));
    const count = dials(run).length;
    const lostMs = run.context.nowMs + 10_000;
    run.until(lostMs);
    run.step({ type: 'peer/disconnected', peer: 'bob' }).until(lostMs + 600);
    expect(dials(run).length).toBe(count + 1);
  });

  test('whose id is learned from its answer is dialled again when that peer is lost', () => {
    const nameless = { kind: 'address', key: address, address } as const;
    const run = new Run({ isOn: false, peers: [nameless] }).step(listening);
    run
      .step(reached(run.dialled, 'bob'), admitted('bob'), { type: 'peer/disconnected', peer: 'bob' })
      .until(1_000);
    expect(run.of('peer/reach')).toMatchObject([{ target: nameless }, { target: nameless }]);
  });

  test('that refuses us is dialled once at a time, at ever longer pauses', () => {
    const run = new Run({ isOn: false, peers: [kept] }).step(listening);
    for (let tries = 0; tries < 12; tries += 1) {
      const open = dials(run).length;
      // The refusal, and then the end of its connection.
      run.step(unreached(run.dialled), { type: 'peer/disconnected', peer: 'bob' });
      run.until(run.state.nextTickMs);
      expect(dials(run).length).toBe(open + 1);
    }
    expect(run.context.nowMs).toBeGreaterThan(60_000);
  });
});

describe('a configured peer that there is no connection to', () => {
  const nameless = { kind: 'address', key: address, address } as const;
  const started = (peers: DiscoveryConfig['peers']) => new Run({ isOn: false, peers }).step(listening);
  const gone: DiscoveryInput = { type: 'peer/disconnected', peer: 'bob' };

  test('is unreached from the start on, with its id where its address has it', () => {
    expect(started([kept, nameless]).state.unreached).toEqual([
      { address: kept.address, id: 'bob' },
      { address },
    ]);
  });

  test('tells why it was not reached, and the time that is left until it is dialled again', () => {
    const run = started([kept]);
    run.step(unreached(run.dialled));
    const [first] = run.state.unreached;
    expect(first).toMatchObject({ address: kept.address, error: unreachable });
    const dueMs = run.state.nextTickMs;
    run.context.nowMs += 100;
    const leftMs = run.state.unreached[0]?.nextDialMs as number;
    expect(leftMs).toBe((first?.nextDialMs as number) - 100);
    expect(Math.abs(run.context.nowMs + leftMs - dueMs)).toBeLessThanOrEqual(10);
    // What went wrong stays to be told while it is tried again.
    run.until(dueMs);
    expect(run.state.unreached).toEqual([{ address: kept.address, id: 'bob', error: unreachable }]);
  });

  test('is none of them once it is connected, from whichever side, and is again when it is lost', () => {
    const dialled = started([nameless]);
    dialled.step(unreached(dialled.dialled)).until(dialled.state.nextTickMs);
    dialled.step(reached(dialled.dialled, 'bob'), admitted('bob'));
    expect(dialled.state.unreached).toEqual([]);
    dialled.step(gone);
    expect(dialled.state.unreached).toEqual([{ address, id: 'bob', nextDialMs: expect.any(Number) }]);
    const came = started([kept]);
    came.step(unreached(came.dialled), admitted('bob'));
    expect(came.state.unreached).toEqual([]);
  });

  test('tells no error of before a connection, whoever dialled, nor one of an address that failed meanwhile', () => {
    const run = started([kept]);
    run.step(unreached(run.dialled), admitted('bob'), gone);
    expect(run.state.unreached).toEqual([
      { address: kept.address, id: 'bob', nextDialMs: expect.any(Number) },
    ]);
    run.until(run.state.nextTickMs).step(admitted('bob'), unreached(run.dialled), gone);
    expect(run.state.unreached).toEqual([
      { address: kept.address, id: 'bob', nextDialMs: expect.any(Number) },
    ]);
  });

  test('is none of them when a user has disconnected it', () => {
    const run = started([kept]);
    run.step({ type: 'peer/parting', ref: 9, peer: 'bob', connections: [] }, unreached(run.dialled));
    expect(run.state.unreached).toEqual([]);
    run.step({ type: 'peer/wanted', peer: 'bob' });
    expect(run.state.unreached).toMatchObject([{ id: 'bob' }]);
  });
});

describe('a configured peer with several addresses', () => {
  const at = (port: number) => {
    const text = `/ip4/127.0.0.1/tcp/${port}/p2p/bob`;
    return { kind: 'address', key: text, address: text, peer: 'bob' } as const;
  };
  const peers = [at(1), at(2), at(3)];
  const started = () => new Run({ isOn: false, peers }).step(listening);
  const dialled = (run: Run) => run.of('peer/reach').map(({ target }) => target.key);
  /** The ref of the last dial of one. */
  const dialOf = (run: Run, { key }: { readonly key: string }) =>
    run.of('peer/reach').findLast(({ target }) => target.key === key)?.ref ?? 0;

  test('is dialled again at each of them when it is lost, whichever it was reached at', () => {
    for (const works of peers) {
      const run = started();
      for (const target of peers) if (target !== works) run.step(unreached(dialOf(run, target)));
      run.step(reached(dialOf(run, works), 'bob'), admitted('bob'));
      // The others hear at their next turn that it is there.
      run.until(1_000);
      for (const target of peers) run.step(reached(dialOf(run, target), 'bob'));
      run.log.length = 0;
      run.step({ type: 'peer/disconnected', peer: 'bob' }).until(run.context.nowMs + 2_000);
      expect(new Set(dialled(run))).toEqual(new Set(peers.map(({ key }) => key)));
      run.step(reached(dialOf(run, works), 'bob'), admitted('bob'));
      expect(run.state.unreached).toEqual([]);
    }
  });

  test('is dialled again at each of them when a user wants it back', () => {
    const run = started();
    for (const target of peers) run.step(reached(dialOf(run, target), 'bob'));
    run.step(admitted('bob'), { type: 'peer/parting', ref: 9, peer: 'bob', connections: [] });
    run.step({ type: 'peer/disconnected', peer: 'bob' }).until(100_000);
    run.log.length = 0;
    run.step({ type: 'peer/wanted', peer: 'bob' }).until(101_000);
    expect(dialled(run).sort()).toEqual(peers.map(({ key }) => key));
  });

  test('is one that is not reached: with the address that failed last, and the time of the next dial', () => {
    const run = started();
    expect(run.state.unreached).toEqual([{ address: peers[0]?.address, id: 'bob' }]);
    for (const target of [at(1), at(3), at(2)]) {
      // As long as one of them is being dialled, so is the peer.
      expect(run.state.unreached[0]).not.toHaveProperty('nextDialMs');
      run.context.nowMs += 1;
      run.step(unreached(dialOf(run, target)));
      expect(run.state.unreached).toMatchObject([{ address: target.address, error: unreachable }]);
    }
    const inMs = run.state.unreached[0]?.nextDialMs as number;
    expect(Math.abs(run.context.nowMs + inMs - run.state.nextTickMs)).toBeLessThanOrEqual(10);
  });

  test('is one also where an address without its id led to it', () => {
    const nameless = { kind: 'address', key: address, address } as const;
    const run = new Run({ isOn: false, peers: [nameless, at(1)] }).step(listening);
    expect(run.state.unreached).toHaveLength(2);
    run.step(reached(dialOf(run, nameless), 'bob'), admitted('bob'));
    run.step({ type: 'peer/disconnected', peer: 'bob' });
    expect(run.state.unreached).toMatchObject([{ address, id: 'bob' }]);
  });
});

describe('peers of the last run', () => {
  const remembered = (count: number): DiscoveryInput => ({
    type: 'peer/remembered',
    peers: Array.from({ length: count }, (_, i) => ({
      peer: `p${i}`,
      name: undefined,
      addresses: [address],
    })),
  });

  test('are dialled within the first second, not all at once, and not too many', () => {
    const run = new Run().step(remembered(500)).until(1_010);
    const times = run.of('peer/reach').map(({ atMs }) => atMs);
    expect(times).toHaveLength(MAX_REMEMBERED);
    expect(new Set(times).size).toBeGreaterThan(20);
  });

  test('are left alone with discovery off', () => {
    expect(new Run({ isOn: false }).step(remembered(5)).until(5_000).log).toEqual([]);
  });
});

describe('a peer that is found on the local network', () => {
  test('is dialled, unless it is connected or discovery is off', () => {
    const found: DiscoveryInput = { type: 'discovery/found', peer: 'bob', addresses: [address] };
    expect(new Run().step(found).of('peer/reach')).toMatchObject([{ target: { peer: 'bob' } }]);
    expect(new Run().step(admitted('bob'), found).of('peer/reach')).toEqual([]);
    expect(new Run({ isOn: false }).step(found).log).toEqual([]);
  });
});

describe('a peer that a user has disconnected', () => {
  const parting: DiscoveryInput = { type: 'peer/parting', ref: 9, peer: 'bob', connections: ['c'] };
  const gone: DiscoveryInput = { type: 'peer/disconnected', peer: 'bob' };
  const dials = (run: Run) => run.of('peer/reach').length;

  test('is not dialled again, until a user connects to it', () => {
    const run = new Run({ peers: [kept] }).step(listening);
    run.step(admitted('bob'), reached(run.dialled, 'bob'), parting, gone).until(600_000);
    expect(dials(run)).toBe(1);
    run.step({ type: 'peer/wanted', peer: 'bob' }).until(601_000);
    expect(dials(run)).toBe(2);
  });

  test('is not dialled again when it was being redialled', () => {
    const run = new Run({ peers: [kept] }).step(listening);
    run.step(unreached(run.dialled), parting).until(600_000);
    expect(dials(run)).toBe(1);
  });

  test('is disconnected once more when a dial was on its way', () => {
    const run = new Run({ peers: [kept] }).step(listening, parting);
    run.step(admitted('bob'), reached(run.dialled, 'bob'));
    expect(run.of('peer/part')).toMatchObject([{ target: { peer: 'bob' } }]);
  });

  test('leaves the table of the DHT, and is dialled neither from it nor when it is found', () => {
    const run = new Run().step(listening, admitted('bob'), { type: 'dht/added', peer: 'bob' });
    run.step(parting, gone, { type: 'discovery/found', peer: 'bob', addresses: [address] }).until(100_000);
    expect(run.of('dht/remove')).toMatchObject([{ peer: 'bob' }]);
    expect(dials(run)).toBe(0);
  });

  test('that is connected again by a user is kept as before', () => {
    const run = new Run({ peers: [kept] }).step(listening);
    run.step(admitted('bob'), reached(run.dialled, 'bob'), parting, gone);
    run.step({ type: 'peer/wanted', peer: 'bob' }, admitted('bob')).until(1_000);
    run.step(reached(run.dialled, 'bob'), gone).until(3_000);
    expect(dials(run)).toBe(3);
  });
});

describe('an address of this node among the configured peers', () => {
  const own = { kind: 'address', key: address, address } as const;
  const itself = (ref: number): DiscoveryInput => ({ ...failedAt(ref), isOurself: true });
  const failedAt = (ref: number) => ({ type: 'peer/unreached', ref, error: unreachable }) as const;
  const told = (run: Run) => run.of('discovery/itself').map((each) => each.address);

  test('is dialled once, told of once, and none of those that are not reached', () => {
    const run = new Run({ isOn: false, peers: [own] }).step(listening);
    run.step(itself(run.dialled)).until(600_000);
    expect(run.of('peer/reach')).toHaveLength(1);
    expect(run.state.unreached).toEqual([]);
    expect(told(run)).toEqual([address]);
  });

  test('is tried again when the configuration is read again: another node with our identity looks the same', () => {
    const run = new Run({ isOn: false, peers: [own] }).step(listening);
    run.step(itself(run.dialled), reconfigure([own]));
    run.step(itself(run.dialled));
    expect(run.of('peer/reach')).toHaveLength(2);
    expect(run.state.unreached).toEqual([]);
    expect(told(run)).toEqual([address]);
    run.step(reconfigure([own]));
    run.step(failedAt(run.dialled)).until(600_000);
    expect(run.of('peer/reach')).toHaveLength(4);
    expect(run.state.unreached).toMatchObject([{ address, error: unreachable }]);
  });
});

describe('configured peers that change while the node runs', () => {
  const other = {
    kind: 'address',
    key: '/ip4/127.0.0.1/tcp/4002',
    address: '/ip4/127.0.0.1/tcp/4002',
  } as const;
  const dialled = (run: Run) => run.of('peer/reach').map(({ target }) => target.key);

  test('are dialled when they are new, and those that stay are left alone', () => {
    const run = new Run({ isOn: false, peers: [kept] }).step(listening);
    run.step(reached(run.dialled, 'bob'), reconfigure([kept, other]), reconfigure([kept, other]));
    expect(dialled(run)).toEqual([kept.key, other.key]);
  });

  test.each([
    ['while it is connected', (run: Run) => [reached(run.dialled, 'bob')]],
    ['while it is dialled', () => []],
    ['between two dials', (run: Run) => [unreached(run.dialled)]],
  ])('are not dialled again when they are no longer configured: one %s', (_, before) => {
    const run = new Run({ isOn: false, peers: [kept] }).step(listening);
    run.step(...before(run), reconfigure([]));
    expect(run.state.unreached).toEqual([]);
    run.step(unreached(run.dialled), { type: 'peer/disconnected', peer: 'bob' }).until(200_000);
    expect(dialled(run)).toEqual([kept.key]);
    run.step(reconfigure([kept]));
    expect(dialled(run)).toEqual([kept.key, kept.key]);
  });

  test('come with a new time between bootstraps, from the next one on', () => {
    const run = new Run().step(listening, reconfigure([], 1_000)).until(7_500);
    expect(run.of('dht/bootstrap').map(({ atMs }) => atMs)).toEqual([5_000, 6_000, 7_000]);
  });
});
