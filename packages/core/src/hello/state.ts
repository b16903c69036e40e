import { type ErrorCode, PeerdError } from '@peerd/protocol';
import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import type { RoutingSettings } from '../config.ts';
import { ROLE_FORWARDER, ROLE_PEER } from '../roles.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import {
  type Greeting,
  HELLO_PROTOCOL,
  HELLO_VERSIONS,
  type HelloInput,
  type HelloMessage,
  type HelloOutput,
} from './messages.ts';
import { type Denial, isClosed, judgeGreeting, judgePeer, type Policy } from './policy.ts';
import { isProof, type ProofSubject, prove } from './proof.ts';

/** How long a peer has for the handshake; in a closed network it is then disconnected. */
export const HELLO_TIMEOUT_MS = 5_000;

export interface HelloSelf {
  readonly id: string;
  readonly name: string;
  readonly features: readonly string[];
  readonly encryptionKey: Uint8Array;
  readonly encryptionKeySignature: Uint8Array;
  /** The raw Ed25519 key that a peer id holds; `undefined` for other kinds of id. */
  publicKeyOf(peer: string): Uint8Array | undefined;
}

const withoutHello: Denial = {
  code: 'forbidden',
  reason: 'this network is closed to peers that do not say hello',
};

interface Handshake {
  readonly connection: string;
  readonly peer: string;
  readonly role: 'dialer' | 'listener';
  readonly nonce: Uint8Array;
  /**
   * Dialer: opening, greeted (its greeting is out), proved (its accept is out). Listener: waiting (for a
   * greeting), greeted (its greeting is out).
   */
  phase: 'opening' | 'waiting' | 'greeted' | 'proved' | 'done';
  theirs: Greeting | undefined;
  /** It was let in without one. */
  isWithoutHello: boolean;
  deadline: Deadline<Handshake> | undefined;
}

/**
 * Decides who may be here. The dialer greets, the listener greets back, the dialer accepts, the listener
 * accepts; either may refuse instead, with a reason that both read. In a network with a secret each side
 * proves that it knows it, the listener in its greeting and the dialer in its accept.
 */
export class HelloState implements Feature<HelloInput> {
  readonly handlers: Handlers<HelloInput>;
  readonly #context: Context<HelloOutput>;
  readonly #self: HelloSelf;
  #policy: Policy;
  readonly #routing: RoutingSettings;
  readonly #roles: readonly string[];
  readonly #handshakes = new Map<string, Handshake>();
  readonly #deadlines = new Deadlines<Handshake>();

  constructor(context: Context<HelloOutput>, self: HelloSelf, policy: Policy, routing: RoutingSettings) {
    this.#context = context;
    this.#self = self;
    this.#policy = policy;
    this.#routing = routing;
    this.#roles = routing.forward === 'nobody' ? [ROLE_PEER] : [ROLE_PEER, ROLE_FORWARDER];
    this.handlers = {
      'connection/opened': ({ connection, peer, direction, nonce }) => {
        const role = direction === 'outbound' ? 'dialer' : 'listener';
        const handshake: Handshake = {
          connection,
          peer,
          role,
          nonce,
          phase: role === 'dialer' ? 'opening' : 'waiting',
          theirs: undefined,
          isWithoutHello: false,
          deadline: undefined,
        };
        handshake.deadline = this.#deadlines.add(handshake, context.nowMs + HELLO_TIMEOUT_MS);
        this.#handshakes.set(connection, handshake);
        if (role === 'dialer') context.emit({ type: 'hello/open', connection });
      },
      'connection/closed': ({ connection }) => {
        const handshake = this.#handshakes.get(connection);
        if (handshake === undefined) return;
        this.#handshakes.delete(connection);
        this.#deadlines.remove(handshake.deadline);
        context.emit({ type: 'hello/gate', connection, open: false });
      },
      'hello/opened': ({ connection }) =>
        this.#in(connection, ['opening'], (handshake) => this.#greet(handshake)),
      'hello/unsupported': ({ connection }) => {
        this.#in(connection, ['opening', 'waiting'], (handshake) => this.#noHello(handshake));
      },
      'hello/failed': ({ connection, message }) => {
        this.#in(connection, ['opening', 'waiting', 'greeted', 'proved'], (handshake) =>
          this.#refuse(handshake, { code: 'incompatible', reason: `the hello failed: ${message}` }, false),
        );
      },
      'hello/message': ({ connection, message }) => {
        const handshake = this.#handshakes.get(connection);
        if (handshake !== undefined && handshake.phase !== 'done') this.#step(handshake, message);
      },
      'peer/identified': ({ connection, protocols }) => {
        if (protocols.includes(HELLO_PROTOCOL)) return;
        this.#in(connection, ['waiting'], (handshake) => this.#noHello(handshake));
      },
      reconfigure: ({ allow, deny }) => {
        this.#policy = { ...this.#policy, allow: new Set(allow), deny: new Set(deny) };
        context.emit({ type: 'hello/closed', isClosed: isClosed(this.#policy) });
        for (const handshake of this.#handshakes.values()) this.#judgeAgain(handshake);
      },
      tick: () => {
        this.#deadlines.expire(context.nowMs, (handshake) => {
          if (handshake.phase === 'opening' || handshake.phase === 'waiting') this.#noHello(handshake);
          else if (handshake.phase !== 'done')
            this.#refuse(
              handshake,
              { code: 'timeout', reason: `no hello within ${HELLO_TIMEOUT_MS} ms` },
              true,
            );
        });
      },
    };
  }

  get nextTickMs(): number {
    return this.#deadlines.nextMs;
  }

  snapshot(): unknown {
    return [...this.#handshakes.values()].map(({ connection, peer, role, phase }) => ({
      connection,
      peer,
      role,
      phase,
    }));
  }

  #step(handshake: Handshake, message: HelloMessage): void {
    if (message.type === 'refusal') return this.#refused(handshake, message.code, message.reason);
    if (message.type !== expectedBy(handshake))
      return this.#refuse(handshake, { code: 'invalid', reason: `${message.type} out of turn` }, true);
    if (message.type === 'greeting') this.#greeted(handshake, message);
    else this.#accepted(handshake, message.proof);
  }

  #greeted(handshake: Handshake, greeting: Greeting): void {
    handshake.theirs = greeting;
    const { policy, peer } = { policy: this.#policy, peer: handshake.peer };
    const { strategy } = this.#routing;
    const denial =
      judgePeer(policy, peer) ?? judgeGreeting(policy, strategy, greeting, this.#self.publicKeyOf(peer));
    if (denial !== undefined) return this.#refuse(handshake, denial, true);
    if (handshake.role === 'listener') return this.#greet(handshake);
    if (!this.#isProved(handshake, greeting.proof)) return this.#refuseProof(handshake, greeting.proof);
    handshake.phase = 'proved';
    this.#send(handshake, { type: 'accept', proof: this.#prove(handshake) });
  }

  #accepted(handshake: Handshake, proof: Uint8Array): void {
    if (handshake.role === 'listener') {
      if (!this.#isProved(handshake, proof)) return this.#refuseProof(handshake, proof);
      this.#send(handshake, { type: 'accept', proof: new Uint8Array(0) });
    }
    this.#admit(handshake, 'peerd');
  }

  #greet(handshake: Handshake): void {
    const denial = judgePeer(this.#policy, handshake.peer);
    if (denial !== undefined) return this.#refuse(handshake, denial, true);
    handshake.phase = 'greeted';
    this.#send(handshake, {
      type: 'greeting',
      versions: HELLO_VERSIONS,
      network: this.#policy.network,
      name: this.#self.name,
      features: this.#self.features,
      encryptionKey: this.#self.encryptionKey,
      encryptionKeySignature: this.#self.encryptionKeySignature,
      nonce: handshake.nonce,
      proof: handshake.role === 'listener' ? this.#prove(handshake) : new Uint8Array(0),
      roles: this.#roles,
      routing: this.#routing.strategy,
    });
  }

  /** The lists have changed: who may no longer be here goes, with the reason that a newcomer would hear. */
  #judgeAgain(handshake: Handshake): void {
    const { connection, peer } = handshake;
    const denial =
      judgePeer(this.#policy, peer) ??
      (handshake.isWithoutHello && isClosed(this.#policy) ? withoutHello : undefined);
    if (denial === undefined) return;
    const reason = `refused ${peer}: ${denial.reason}`;
    if (handshake.phase !== 'done') this.#refuse(handshake, denial, true);
    else {
      this.#context.emit({
        type: 'peer/refused',
        connection,
        peer,
        error: new PeerdError(denial.code, reason),
      });
      this.#context.emit({ type: 'connection/close', connection, reason });
    }
  }

  /** The other side speaks no hello: it may stay, for the protocols it does speak, unless we are closed. */
  #noHello(handshake: Handshake): void {
    const denial: Denial | undefined =
      judgePeer(this.#policy, handshake.peer) ?? (isClosed(this.#policy) ? withoutHello : undefined);
    if (denial !== undefined) return this.#refuse(handshake, denial, false);
    handshake.isWithoutHello = true;
    this.#admit(handshake, 'other');
  }

  #admit(handshake: Handshake, kind: 'peerd' | 'other'): void {
    this.#finish(handshake);
    const { connection, peer } = handshake;
    this.#context.emit({ type: 'hello/gate', connection, open: true });
    const theirs = kind === 'peerd' ? handshake.theirs : undefined;
    const roles = theirs?.roles ?? [];
    this.#context.emit({ type: 'peer/admitted', connection, peer, kind, name: theirs?.name, roles });
  }

  /** `tell`: the other side is listening for a reason. */
  #refuse(handshake: Handshake, denial: Denial, tell: boolean): void {
    if (tell) this.#send(handshake, { type: 'refusal', ...denial });
    this.#end(handshake, denial.code, `refused ${handshake.peer}: ${denial.reason}`);
  }

  #refused(handshake: Handshake, code: ErrorCode, reason: string): void {
    this.#end(handshake, code, `${handshake.peer} refused this node: ${reason}`);
  }

  #end(handshake: Handshake, code: ErrorCode, message: string): void {
    this.#finish(handshake);
    const { connection, peer } = handshake;
    this.#context.emit({ type: 'hello/gate', connection, open: false });
    this.#context.emit({ type: 'peer/refused', connection, peer, error: new PeerdError(code, message) });
    this.#context.emit({ type: 'connection/close', connection, reason: message });
  }

  #refuseProof(handshake: Handshake, proof: Uint8Array): void {
    const reason =
      this.#policy.key === undefined
        ? 'the refusing side has no network secret, the other has one'
        : proof.length === 0
          ? 'the refusing side has a network secret, the other has none'
          : 'the network secrets differ';
    this.#refuse(handshake, { code: 'forbidden', reason }, true);
  }

  #prove(handshake: Handshake): Uint8Array {
    const { key } = this.#policy;
    return key === undefined ? new Uint8Array(0) : prove(key, this.#subject(handshake, handshake.role));
  }

  #isProved(handshake: Handshake, proof: Uint8Array): boolean {
    const { key } = this.#policy;
    if (key === undefined) return proof.length === 0;
    return isProof(key, this.#subject(handshake, handshake.role === 'dialer' ? 'listener' : 'dialer'), proof);
  }

  #subject(handshake: Handshake, prover: 'dialer' | 'listener'): ProofSubject {
    const theirNonce = handshake.theirs?.nonce ?? new Uint8Array(0);
    const isDialer = handshake.role === 'dialer';
    return {
      prover,
      dialer: isDialer ? this.#self.id : handshake.peer,
      listener: isDialer ? handshake.peer : this.#self.id,
      dialerNonce: isDialer ? handshake.nonce : theirNonce,
      listenerNonce: isDialer ? theirNonce : handshake.nonce,
    };
  }

  #send(handshake: Handshake, message: HelloMessage): void {
    this.#context.emit({ type: 'hello/send', connection: handshake.connection, message });
  }

  #finish(handshake: Handshake): void {
    handshake.phase = 'done';
    this.#deadlines.remove(handshake.deadline);
  }

  #in(connection: string, phases: readonly Handshake['phase'][], then: (handshake: Handshake) => void): void {
    const handshake = this.#handshakes.get(connection);
    if (handshake !== undefined && phases.includes(handshake.phase)) then(handshake);
  }
}

/** What the other side has to say next, if it does not refuse. */
function expectedBy({ phase, role }: Handshake): HelloMessage['type'] | undefined {
  switch (phase) {
    case 'waiting':
      return 'greeting';
    case 'greeted':
      return role === 'dialer' ? 'greeting' : 'accept';
    case 'proved':
      return 'accept';
    case 'opening':
    case 'done':
      return undefined;
  }
}
