export * from './client.ts';
export * from './duration.ts';
export * from './errors.ts';
export * from './printable.ts';
