import { createHash, createPublicKey, sign } from 'node:crypto';
import { sealingSelf, sessionsSelf } from '../../src/ends.ts';
import type { Policy } from '../../src/hello/policy.ts';
import { encryptionKeyStatement, isSigned } from '../../src/hello/proof.ts';
import type { HelloSelf } from '../../src/hello/state.ts';
import { encryptionKeyOf, signingKeyOf } from '../../src/identity.ts';
import type { SealingSelf } from '../../src/sealing/state.ts';
import type { CoreConfig } from '../../src/server/core.ts';
import { defaultLimits, defaultRouting } from '../../src/settings.ts';

export const openPolicy: Policy = { network: 'test', key: undefined, allow: new Set(), deny: new Set() };

/** Raw Ed25519 keys by the id that stands for them in a test. */
const publicKeys = new Map<string, Uint8Array>();

function secretOf(id: string): Uint8Array {
  return createHash('sha256').update(id).digest();
}

/** Who a node is: its id and its name are `id`, its key is the same in every run, and everybody knows it. */
export function selfOf(id: string): HelloSelf {
  const privateKey = signingKeyOf(secretOf(id));
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  publicKeys.set(id, Buffer.from(x as string, 'base64url'));
  const encryptionKey = new Uint8Array(32).fill(id.length);
  return {
    id,
    name: id,
    features: ['/peerd/request/1'],
    encryptionKey,
    encryptionKeySignature: sign(null, encryptionKeyStatement(encryptionKey), privateKey),
    publicKeyOf: (peer) => publicKeys.get(peer),
  };
}

/** The same node as one that seals messages: its keys are real. */
export function sealingOf(id: string, sealing: Partial<SealingSelf> = {}): SealingSelf {
  const { publicKeyOf } = selfOf(id);
  const secret = secretOf(id);
  return {
    ...sealingSelf(openPolicy, id, secret, encryptionKeyOf(secret), 1),
    isSigned: (peer, statement, signature) => {
      const publicKey = publicKeyOf(peer);
      return publicKey !== undefined && isSigned(publicKey, statement, signature);
    },
    ...sealing,
  };
}

export function coreConfig(config: Partial<CoreConfig> = {}): CoreConfig {
  return {
    self: selfOf('alice'),
    version: '0.0.0',
    policy: openPolicy,
    discovery: {
      isOn: true,
      dhtProtocol: '/peerd/kad/1.0.0',
      profile: 'local',
      peers: [],
      firstBootstrapMs: 5_000,
      bootstrapIntervalMs: 30_000,
    },
    routing: {
      id: 'alice',
      firstSequence: 1,
      advertise: (sequence) => ({
        origin: 'alice',
        sequence,
        name: 'alice',
        encryptionKey: new Uint8Array(32),
        signature: new Uint8Array(64),
      }),
      isGenuine: () => true,
    },
    sealing: sealingOf('alice'),
    sessions: sessionsSelf(selfOf('alice'), openPolicy, encryptionKeyOf(new Uint8Array(32)), 1),
    ping: { intervalMs: 15_000, timeoutMs: 10_000 },
    limits: defaultLimits,
    services: {},
    routingSettings: defaultRouting,
    entropy: new Uint8Array(32).fill(7),
    seed: [1, 2, 3, 4],
    ...config,
  };
}
