import { createHash, sign } from 'node:crypto';
import { sessionsSelf } from '../../src/ends.ts';
import { encodeHead } from '../../src/forwarding/codec.ts';
import type { PacketKind } from '../../src/forwarding/messages.ts';
import { encryptionKeyStatement } from '../../src/hello/proof.ts';
import { encryptionKeyOf, signingKeyOf } from '../../src/identity.ts';
import { keyOfPeer } from '../../src/peer-keys.ts';
import { FrameType } from '../../src/request/frames.ts';
import { PacketCipher } from '../../src/sessions/cipher.ts';
import { decodeGreeting, encodeGreeting, encodeHeader } from '../../src/sessions/codec.ts';
import { Initiator } from '../../src/sessions/noise.ts';
import type { Identity } from './core-actor.ts';
import { openPolicy } from './core-config.ts';
import type { HostileStage, Name } from './hostile-stage.ts';

/** Its id of the session. */
const OWN_ID = 7;

/**
 * Mallory as one end of a session with a neighbour: it has shaken hands as it should, and may say within the session
 * whatever it likes.
 */
export class HostileEnd {
  readonly #stage: HostileStage;
  readonly #to: Name;
  readonly #sends: PacketCipher;
  readonly #theirId: number;
  readonly #counters = { data: 0, control: 0 };

  private constructor(stage: HostileStage, to: Name, sends: PacketCipher, theirId: number) {
    this.#stage = stage;
    this.#to = to;
    this.#sends = sends;
    this.#theirId = theirId;
  }

  /** `sequence`: of the handshake, above that of the one before. */
  static enter(stage: HostileStage, identity: Identity, to: Name, sequence: number): HostileEnd {
    const { id, name, secret } = identity;
    const keys = encryptionKeyOf(secret);
    const encryptionKeySignature = sign(null, encryptionKeyStatement(keys.publicKey), signingKeyOf(secret));
    const { prologue, psk } = sessionsSelf({ id, name, encryptionKeySignature }, openPolicy, keys, 1);
    const ephemeral = createHash('sha256').update(`ephemeral ${sequence}`).digest();
    const handshake = { prologue: prologue(id, stage.id(to)), psk, local: keys, ephemeral };
    const initiator = new Initiator(handshake, encryptionKeyOf(stage.identity(to).secret).publicKey);
    let answer: Uint8Array | undefined;
    const mallory = stage.actor('mallory');
    const { onOutput } = mallory;
    mallory.onOutput = (output) => {
      if (output.type === 'packet/received' && output.kind === 'response') answer = output.body;
    };
    const payload = encodeGreeting({
      name,
      session: OWN_ID,
      encryptionKeySignature,
      sequence,
      refusal: undefined,
    });
    hand(stage, to, 'init', initiator.write(payload));
    stage.run(1_000, () => answer !== undefined);
    mallory.onOutput = onOutput;
    if (answer === undefined) throw new Error('there is no answer to the handshake');
    const { payload: greeting, keys: transport } = initiator.read(answer);
    return new HostileEnd(stage, to, new PacketCipher(transport.send), decodeGreeting(greeting).session);
  }

  /** Seals it as an honest end would, under the next counter of its kind or another one. */
  say(kind: 'data' | 'control', content: Uint8Array, counter: number = this.#counters[kind]): void {
    if (counter === this.#counters[kind]) this.#counters[kind] += 1;
    const header = encodeHeader({ id: this.#theirId, counter });
    const nonce = counter * 2 + (kind === 'data' ? 0 : 1);
    hand(this.#stage, this.#to, kind, Buffer.concat([header, ...this.#sends.seal(nonce, header, [content])]));
  }
}

/** Hands a neighbour a packet of mallory's own. */
function hand(stage: HostileStage, to: Name, kind: PacketKind, body: Uint8Array): void {
  const source = keyOfPeer(stage.id('mallory')) as Uint8Array;
  const destination = keyOfPeer(stage.id(to)) as Uint8Array;
  const head = encodeHead({ hops: 15, kind, source, destination, via: [], record: false });
  stage.actor('mallory').hand(stage.id(to), { type: FrameType.packet, call: 0, head, body: [body] });
}
