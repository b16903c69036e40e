import { type ErrorCode, printable, type RoutingStrategy } from '@peerd/protocol';
import { type Greeting, HELLO_VERSIONS } from './messages.ts';
import { encryptionKeyStatement, isSigned } from './proof.ts';

/** Who may be here. */
export interface Policy {
  readonly network: string;
  /** From `networkKey`, when the network has a secret. */
  readonly key: Uint8Array | undefined;
  /** Empty: everyone. */
  readonly allow: ReadonlySet<string>;
  readonly deny: ReadonlySet<string>;
}

export interface Denial {
  readonly code: ErrorCode;
  /** Written so that both sides can read it. */
  readonly reason: string;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/;
const MAX_FEATURES = 64;
const MAX_FEATURE_LENGTH = 32;
const MAX_ROLES = 8;
const MAX_ROLE_LENGTH = 32;
const strategies: readonly string[] = ['table', 'source'] satisfies RoutingStrategy[];
export const NONCE_BYTES = 32;
const ENCRYPTION_KEY_BYTES = 32;

/** Whether `name` can be a node's name: 1 to 63 of `a-z A-Z 0-9 . _ -`, not starting with `.` or `-`. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

/** Whether a peer that has not greeted is to be kept out of every protocol. */
export function isClosed(policy: Policy): boolean {
  return policy.key !== undefined || policy.allow.size > 0;
}

/** What the lists say of a peer. */
export function judgePeer(policy: Policy, peer: string): Denial | undefined {
  if (policy.deny.has(peer)) return { code: 'forbidden', reason: `${peer} is on the deny list` };
  if (policy.allow.size > 0 && !policy.allow.has(peer))
    return { code: 'forbidden', reason: `${peer} is not on the allow list` };
  return undefined;
}

/**
 * What a greeting says against letting its sender in. `strategy`: how this node routes; `publicKey`: the sender's raw
 * Ed25519 key.
 */
export function judgeGreeting(
  policy: Policy,
  strategy: RoutingStrategy,
  greeting: Greeting,
  publicKey: Uint8Array | undefined,
): Denial | undefined {
  if (!greeting.versions.some((version) => HELLO_VERSIONS.includes(version)))
    return {
      code: 'incompatible',
      reason: `the refusing side speaks hello in version ${HELLO_VERSIONS.join(', ')}, the other in ${greeting.versions.join(', ') || 'none'}: the older peerd of the two needs an update`,
    };
  if (greeting.network !== policy.network)
    return {
      code: 'forbidden',
      reason: `the refusing side is in network ${policy.network}, the other in ${quoted(greeting.network)}`,
    };
  const flaw = flawOf(greeting, publicKey);
  if (flaw !== undefined) return { code: 'invalid', reason: flaw };
  if (greeting.routing !== strategy)
    return {
      code: 'incompatible',
      reason: `the refusing side routes by ${strategy}, the other by ${greeting.routing}: set routing.strategy to the same in both configurations`,
    };
  return undefined;
}

function flawOf(greeting: Greeting, publicKey: Uint8Array | undefined): string | undefined {
  if (!isName(greeting.name)) return `${quoted(greeting.name)} is not a name`;
  if (greeting.features.length > MAX_FEATURES) return `more than ${MAX_FEATURES} features`;
  if (greeting.features.some((feature) => feature.length > MAX_FEATURE_LENGTH))
    return 'a feature with a long name';
  if (greeting.roles.length > MAX_ROLES) return `more than ${MAX_ROLES} roles`;
  if (greeting.roles.some((role) => role.length > MAX_ROLE_LENGTH)) return 'a role with a long name';
  if (!strategies.includes(greeting.routing))
    return `${quoted(greeting.routing)} is not a routing strategy: those are ${strategies.join(' and ')}`;
  if (greeting.nonce.length !== NONCE_BYTES) return `a nonce of ${greeting.nonce.length} bytes`;
  if (publicKey === undefined) return 'an identity that is not Ed25519';
  if (greeting.encryptionKey.length !== ENCRYPTION_KEY_BYTES)
    return `an encryption key of ${greeting.encryptionKey.length} bytes`;
  if (!isSigned(publicKey, encryptionKeyStatement(greeting.encryptionKey), greeting.encryptionKeySignature))
    return 'an encryption key that its identity did not sign';
  return undefined;
}

/** A stranger's word within a sentence of ours: short, in quotes, and without control characters. */
function quoted(text: string): string {
  return printable(JSON.stringify(text.slice(0, 64)));
}
