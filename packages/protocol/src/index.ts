export * from './client.ts';
export * from './duration.ts';
export * from './errors.ts';
export * from './iterable-promise.ts';
export * from './message-queue.ts';
export * from './node.ts';
export * from './printable.ts';
export * from './subscription.ts';
export { TextDecoding, TextEncoding } from './texts.ts';
