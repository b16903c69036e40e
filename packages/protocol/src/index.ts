export * from './client.ts';
export * from './duration.ts';
export * from './errors.ts';
export * from './iterable-promise.ts';
export * from './node.ts';
export * from './printable.ts';
