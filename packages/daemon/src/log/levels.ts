export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** From this level up a record is kept; `silent`: none is. */
export type LogLevel = (typeof logLevels)[number];

/** What a record is about: the features of the node, and what is around it. */
export const logAreas = [
  'daemon',
  'control',
  'loop',
  'hello',
  'peers',
  'ping',
  'request',
  'services',
  'broadcast',
  'discovery',
  'libp2p',
] as const;

export type LogArea = (typeof logAreas)[number];
