import type { MessageInitShape } from '@bufbuild/protobuf';
import { PeerdError } from '../errors.ts';
import type { Access, AccessSchema } from '../gen/peerd/control/v1/control_pb.ts';
import type { ServiceAccess } from '../node.ts';

export function accessMessage(access: ServiceAccess): MessageInitShape<typeof AccessSchema> {
  return typeof access === 'string' ? { rule: access } : { rule: 'peers', peers: [...access.peers] };
}

/** Fails with `invalid` on a rule that is not known here: to guess could let somebody in. */
export function accessOf(message: Access | undefined): ServiceAccess {
  const { rule, peers } = message ?? { rule: 'open', peers: [] };
  if (rule === 'open' || rule === 'nobody') return rule;
  if (rule === 'peers') return { peers };
  throw new PeerdError('invalid', `the access rule ${JSON.stringify(rule)} is not known here`);
}
