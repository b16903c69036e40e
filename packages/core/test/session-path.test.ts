import { describe, expect, test } from 'vitest';
import { decodePath, encodePath, SessionCodecError } from '../src/sessions/codec.ts';

describe('the path that the other end tells', () => {
  const peers = Array.from({ length: 15 }, (_, i) => `12D3KooWpeer${i}`);

  test.each([[[]], [peers.slice(0, 1)], [peers]])('is what it was told: %j', (path) => {
    expect(decodePath(encodePath(path))).toEqual(path);
  });

  test.each([
    ['longer than any way', [...peers, '12D3KooWpeer15']],
    ['with an id that is empty', ['12D3KooWpeer1', '']],
    ['with what moves the cursor of a terminal', ['12D3KooWpeer1', '\u001b[2J']],
    ['with a line break', ['12D3KooWpeer1\n12D3KooWpeer2']],
    ['with an id longer than any', ['a'.repeat(129)]],
  ])('is refused when it is one %s', (_, path) => {
    expect(() => decodePath(encodePath(path))).toThrow(SessionCodecError);
  });
});
