import type { Greeting } from '../../src/hello/messages.ts';
import type { HelloSelf } from '../../src/hello/state.ts';

export function greetingOf(self: HelloSelf, network: string, fields: Partial<Greeting> = {}): Greeting {
  return {
    type: 'greeting',
    versions: [1],
    network,
    name: self.name,
    features: self.features,
    encryptionKey: self.encryptionKey,
    encryptionKeySignature: self.encryptionKeySignature,
    nonce: new Uint8Array(32).fill(7),
    proof: new Uint8Array(0),
    ...fields,
  };
}
