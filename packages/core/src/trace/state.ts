import { type CounterInfo, PeerdError, type TraceResult } from '@peerd/protocol';
import { Budget } from '../channel/budget.ts';
import { Deadlines } from '../channel/deadlines.ts';
import { Quota } from '../channel/quota.ts';
import type { Entropy } from '../entropy.ts';
import type { Ways } from '../routing/messages.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { decodeProbe, encodeReply, replyStatement } from './codec.ts';
import type { TraceCommand, TraceInput, TraceOutput } from './messages.ts';
import { Probes, type TraceSelf } from './probes.ts';
import { RoundTrips } from './round-trips.ts';
import { Trace } from './trace.ts';

/** Traces under way: each is a program's call, and takes up to 32 probes. */
const MAX_TRACES = 1_024;

/** Replies to probes that one neighbour hands over, in a second and at once: to sign one takes some 50 us. */
const MAX_REPLIES_PER_SECOND = 100;

/**
 * Who is on the way to a peer. Probes go out that may take one link, two, and so on; whoever has one that may go no further,
 * and the peer itself, replies, and signs that it was there. One that may go all the way is a ping.
 */
export class TraceState implements Feature<TraceInput> {
  readonly handlers: Handlers<TraceInput>;
  readonly quotas: readonly Quota[];
  readonly #context: Context<TraceOutput>;
  readonly #self: TraceSelf;
  readonly #ways: Ways;
  readonly #traces = new Map<number, Trace>();
  readonly #deadlines = new Deadlines<Trace>();
  readonly #reviews = new Deadlines<Trace>();
  readonly #probes: Probes;
  readonly #roundTrips: RoundTrips;
  /** For whose probes we may sign how much. */
  readonly #budgets = new Map<string, Budget>();
  readonly #tracesQuota: Quota;
  readonly #repliesQuota: Quota;
  #malformed = 0;
  #wayless = 0;

  constructor(context: Context<TraceOutput>, self: TraceSelf, ways: Ways, entropy: Entropy) {
    this.#context = context;
    this.#self = self;
    this.#ways = ways;
    this.#probes = new Probes(context, self, entropy);
    this.#roundTrips = new RoundTrips(context, ways, this.#probes);
    this.#tracesQuota = new Quota(
      'traces',
      'items',
      () => MAX_TRACES,
      () => this.#traces.size,
    );
    this.#repliesQuota = new Quota(
      'replies to probes of the busiest neighbour',
      'items',
      () => MAX_REPLIES_PER_SECOND,
      () => this.#busiest,
    );
    this.quotas = [this.#tracesQuota, this.#repliesQuota];
    this.handlers = {
      trace: (command) => this.#start(command),
      'trace/cancel': ({ ref }) => this.#end(ref, new PeerdError('stopped', 'the trace was cancelled')),
      'probe/ask': (ask) => this.#roundTrips.ask(ask),
      'probe/leave': ({ ref }) => this.#roundTrips.leave(ref),
      'client/closed': () => this.#endAll('the client was closed'),
      'peer/resolved': ({ ref, peer, name }) => {
        const trace = this.#traces.get(ref);
        if (trace === undefined) return;
        trace.peer = peer;
        trace.name = name;
        this.#probe(trace);
      },
      'peer/unreached': ({ ref, error }) => this.#end(ref, error),
      'packet/received': ({ from, kind, body, neighbour, path }) => {
        if (kind === 'probe') this.#reply(from, self.id, body, neighbour, path?.toReversed());
        else if (kind === 'probe-reply') this.#probes.replied(from, body);
      },
      'probe/expired': ({ from, to, body, neighbour }) => this.#reply(from, to, body, neighbour, undefined),
      'packet/unsent': ({ to, kind, error }) => {
        if (kind === 'probe-reply') this.#wayless += 1;
        if (kind !== 'probe') return;
        this.#roundTrips.unsent(to, error.message);
        for (const { peer, hasArrived, command } of this.#traces.values())
          if (peer === to && !hasArrived) this.#end(command.ref, error);
      },
      'peer/went': ({ peer }) => this.#budgets.delete(peer),
      tick: () => {
        this.#deadlines.expire(context.nowMs, (trace) => this.#expire(trace));
        this.#reviews.expire(context.nowMs, (trace) => this.#probe(trace));
        this.#roundTrips.tick();
      },
    };
  }

  get nextTickMs(): number {
    return Math.min(this.#deadlines.nextMs, this.#reviews.nextMs, this.#roundTrips.nextTickMs);
  }

  get counters(): readonly CounterInfo[] {
    return [
      { name: 'malformed probes and replies', count: this.#malformed + this.#probes.malformed },
      { name: 'forged replies to probes', count: this.#probes.forged },
      { name: 'replies to probes that nobody waits for', count: this.#probes.unawaited },
      { name: 'replies to probes without a way', count: this.#wayless },
    ];
  }

  stop(): void {
    this.#endAll('the server was stopped');
  }

  snapshot(): unknown {
    const { nowMs } = this.#context;
    return {
      traces: [...this.#traces.values()].map((trace) => trace.snapshot()),
      roundTrips: this.#roundTrips.snapshot(),
      probes: this.#probes.size,
      budgets: [...this.#budgets].map(([peer, budget]) => [peer, budget.spentAt(nowMs)]),
      counters: this.counters,
    };
  }

  #start(command: Extract<TraceCommand, { type: 'trace' }>): void {
    const { ref, target, timeoutMs, responder } = command;
    if (this.#traces.size >= MAX_TRACES) {
      this.#tracesQuota.refuse(this.#context);
      const message = `${MAX_TRACES} traces are under way: try again when some have ended`;
      return this.#context.emit({ type: 'fail', responder, error: new PeerdError('busy', message) });
    }
    const trace = new Trace(command);
    this.#traces.set(ref, trace);
    trace.deadline = this.#deadlines.add(trace, this.#context.nowMs + timeoutMs);
    this.#context.emit({ type: 'peer/resolve', ref, target });
  }

  /** Sends what probes it takes now, and ends it when none is missing any more. */
  #probe(trace: Trace): void {
    const { nowMs } = this.#context;
    const to = trace.peer as string;
    this.#reviews.remove(trace.review);
    trace.review = undefined;
    for (const hops of trace.due(this.#ways.distance(to), nowMs)) {
      const answered = (peer: string, rttMs: number) => {
        trace.answered(hops, rttMs, peer);
        this.#probe(trace);
      };
      trace.nonces.push(this.#probes.send(to, hops, 0, answered));
    }
    const awaitedMs = trace.awaitedMs(nowMs);
    if (awaitedMs < Number.POSITIVE_INFINITY) trace.review = this.#reviews.add(trace, awaitedMs);
    else if (trace.hasArrived) this.#end(trace.command.ref, this.#resultOf(trace));
  }

  /** `via`: the way that it came back, where that is known to work. */
  #reply(
    source: string,
    destination: string,
    body: Uint8Array,
    neighbour: string,
    via: readonly string[] | undefined,
  ): void {
    const { nowMs } = this.#context;
    const probe = decodeProbe(body);
    if (probe === undefined) {
      this.#malformed += 1;
      return;
    }
    let budget = this.#budgets.get(neighbour);
    if (budget === undefined) {
      budget = new Budget(MAX_REPLIES_PER_SECOND, MAX_REPLIES_PER_SECOND, nowMs);
      this.#budgets.set(neighbour, budget);
    }
    if (!budget.spend(1, nowMs)) return this.#repliesQuota.refuse(this.#context);
    const { nonce, hops } = probe;
    const { id } = this.#self;
    const signature = this.#self.sign(replyStatement(id, nonce, { source, destination, hops }));
    const reply = [encodeReply({ nonce, signature })];
    this.#context.emit({
      type: 'packet/send',
      to: source,
      kind: 'probe-reply',
      body: reply,
      attempt: 0,
      via,
      record: false,
    });
  }

  #expire(trace: Trace): void {
    const { ref, target, timeoutMs } = trace.command;
    if (trace.hasArrived) return this.#end(ref, this.#resultOf(trace));
    const { furthest } = trace;
    const heard =
      furthest === undefined
        ? 'nobody on the way did'
        : `the last who did is ${this.#nameOf(furthest.peer) ?? furthest.peer}, at hop ${furthest.hop}`;
    this.#end(
      ref,
      new PeerdError('timeout', `${target.key} did not answer within ${timeoutMs} ms: ${heard}`),
    );
  }

  #end(ref: number, outcome: TraceResult | PeerdError): void {
    const trace = this.#traces.get(ref);
    if (trace === undefined) return;
    this.#traces.delete(ref);
    this.#deadlines.remove(trace.deadline);
    this.#reviews.remove(trace.review);
    for (const nonce of trace.nonces) this.#probes.forget(nonce);
    const { responder } = trace.command;
    if (outcome instanceof PeerdError) this.#context.emit({ type: 'fail', responder, error: outcome });
    else this.#context.emit({ type: 'settle', responder, value: outcome });
  }

  #endAll(why: string): void {
    for (const ref of this.#traces.keys()) this.#end(ref, new PeerdError('stopped', why));
  }

  #resultOf(trace: Trace): TraceResult {
    return trace.result((peer) => this.#nameOf(peer));
  }

  #nameOf(peer: string): string | undefined {
    return peer === this.#self.id ? undefined : this.#ways.advertOf(peer)?.name;
  }

  get #busiest(): number {
    let most = 0;
    for (const budget of this.#budgets.values()) most = Math.max(most, budget.spentAt(this.#context.nowMs));
    return Math.ceil(most);
  }
}
