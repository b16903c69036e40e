import { PeerdError, type ServiceAccess } from '@peerd/protocol';
import type { ServiceRules } from './config.ts';
import { parsePeerId } from './host/address.ts';

/** The rule with its ids in their usual form. Fails with `invalid` on one that is none. */
export function checkAccess(access: ServiceAccess): ServiceAccess {
  if (access === 'open' || access === 'nobody') return access;
  const peers: unknown = (access as { peers?: unknown } | undefined)?.peers;
  if (!Array.isArray(peers))
    throw new PeerdError('invalid', `access is 'open', 'nobody' or { peers: [ids] }, not ${String(access)}`);
  return { peers: peers.map(checkPeerId) };
}

/** The same for each service that the configuration names. */
export function checkRules(rules: ServiceRules): ServiceRules {
  return Object.fromEntries(
    Object.entries(rules).map(([service, access]) => {
      try {
        return [service, checkAccess(access)];
      } catch (cause) {
        throw new PeerdError('invalid', `services.${service}.${(cause as Error).message}`, { cause });
      }
    }),
  );
}

function checkPeerId(text: unknown): string {
  const id = typeof text === 'string' ? parsePeerId(text) : undefined;
  if (id === undefined)
    throw new PeerdError(
      'invalid',
      `access: ${JSON.stringify(text)} is not a peer id: a name proves nothing`,
    );
  return id;
}
