import type { PeerdError } from '@peerd/protocol';
import { Responder } from '../../src/channel/responder.ts';
import type { RoutingSettings } from '../../src/config.ts';
import { decodeHello, encodeHello } from '../../src/hello/codec.ts';
import type { Greeting, HelloInput, HelloMessage, HelloOutput } from '../../src/hello/messages.ts';
import type { Policy } from '../../src/hello/policy.ts';
import { type HelloSelf, HelloState } from '../../src/hello/state.ts';
import { defaultLimits, defaultRouting } from '../../src/settings.ts';
import { FakeContext } from './context.ts';
import { openPolicy, selfOf } from './core-config.ts';

export function greetingOf(self: HelloSelf, network: string, fields: Partial<Greeting> = {}): Greeting {
  return {
    type: 'greeting',
    versions: [2],
    network,
    name: self.name,
    features: self.features,
    encryptionKey: self.encryptionKey,
    encryptionKeySignature: self.encryptionKeySignature,
    nonce: new Uint8Array(32).fill(7),
    proof: new Uint8Array(0),
    roles: ['peer', 'forwarder'],
    routing: 'table',
    ...fields,
  };
}

/** What differs from a node in an open network with the defaults. */
export type SideConfig = Partial<Policy> & { readonly routing?: Partial<RoutingSettings> };

export interface Admitted {
  readonly peer: string;
  readonly kind: string;
  readonly name: string | undefined;
  readonly roles: readonly string[];
}

/** One side of a handshake on a connection called `c`. */
export class HelloSide {
  readonly self: HelloSelf;
  readonly context: FakeContext<HelloOutput> = new FakeContext();
  readonly state: HelloState;
  readonly admitted: Admitted[] = [];
  readonly refused: PeerdError[] = [];
  /** What `hello/gate` said, in order. */
  readonly gate: boolean[] = [];
  readonly sent: HelloMessage[] = [];
  isClosed = false;
  /** What `hello/closed` said last. */
  keepsOut: boolean | undefined;
  other: HelloSide | undefined;

  constructor(self: HelloSelf, { routing, ...policy }: SideConfig) {
    this.self = self;
    const settings = { ...defaultRouting, ...routing };
    this.state = new HelloState(this.context, self, { ...openPolicy, ...policy }, settings);
  }

  connect(peer: string, direction: 'inbound' | 'outbound', nonce: Uint8Array): void {
    const address = '/ip4/127.0.0.1/tcp/1';
    this.step({ type: 'connection/opened', connection: 'c', peer, address, direction, nonce });
  }

  step(input: HelloInput): void {
    const handlers = this.state.handlers as unknown as Record<string, (input: HelloInput) => void>;
    handlers[input.type]?.(input);
    for (const output of this.context.take()) this.#effect(output);
  }

  receive(message: HelloMessage): void {
    this.step({ type: 'hello/message', connection: 'c', message });
  }

  /** New lists, while it runs. */
  reconfigure(lists: { allow?: string[]; deny?: string[] }): void {
    const rest = {
      peers: [],
      bootstrapIntervalMs: 1,
      limits: defaultLimits,
      services: {},
      responder: new Responder<void>(),
    };
    this.step({ type: 'reconfigure', allow: [], deny: [], ...lists, ...rest });
  }

  tick(nowMs: number): void {
    this.context.nowMs = nowMs;
    this.step({ type: 'tick' });
  }

  /** `admitted as bob`, `forbidden: <what>` or `nothing yet`. */
  get verdict(): string {
    const [admitted] = this.admitted;
    if (admitted !== undefined) return `admitted as ${admitted.name ?? admitted.kind}`;
    const [refused] = this.refused;
    return refused === undefined ? 'nothing yet' : `${refused.code}: ${refused.message}`;
  }

  #effect(output: HelloOutput): void {
    switch (output.type) {
      case 'hello/open':
        if (this.other !== undefined) this.step({ type: 'hello/opened', connection: 'c' });
        return;
      case 'hello/send':
        this.sent.push(output.message);
        this.other?.receive(decodeHello(encodeHello(output.message)));
        return;
      case 'hello/gate':
        this.gate.push(output.open);
        return;
      case 'peer/admitted':
        this.admitted.push({
          peer: output.peer,
          kind: output.kind,
          name: output.name,
          roles: output.roles,
        });
        return;
      case 'peer/refused':
        this.refused.push(output.error);
        return;
      case 'hello/closed':
        this.keepsOut = output.isClosed;
        return;
      case 'connection/close':
        this.isClosed = true;
    }
  }
}

/** Alice dials bob, and both say hello. */
export function shakeHands(aliceConfig: SideConfig, bobConfig: SideConfig): [HelloSide, HelloSide] {
  const alice = new HelloSide(selfOf('alice'), aliceConfig);
  const bob = new HelloSide(selfOf('bob'), bobConfig);
  alice.other = bob;
  bob.other = alice;
  bob.connect('alice', 'inbound', new Uint8Array(32).fill(2));
  alice.connect('bob', 'outbound', new Uint8Array(32).fill(1));
  return [alice, bob];
}
