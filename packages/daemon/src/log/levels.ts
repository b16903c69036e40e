export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** From this level up a record is kept; `silent`: none is. */
export type LogLevel = (typeof logLevels)[number];
