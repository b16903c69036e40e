import { describe, expect, test } from 'vitest';
import { decodePath, encodePath, SessionCodecError } from '../src/sessions/codec.ts';
import { idOf } from './support/peer-ids.ts';

describe('the path that the other end tells', () => {
  const peers = Array.from({ length: 15 }, (_, i) => idOf(`peer${i}`));

  test.each([[[]], [peers.slice(0, 1)], [peers]])('is what it was told: %j', (path) => {
    expect(decodePath(encodePath(path))).toEqual(path);
  });

  test.each([
    ['longer than any way', [...peers, idOf('peer15')]],
    ['with an id that is empty', [idOf('peer1'), '']],
    ['with what moves the cursor of a terminal', [idOf('peer1'), '\u001b[2J']],
    ['with a line break', [`${idOf('peer1')}\n${idOf('peer2')}`]],
    ['with what is no id of a peer', ['12D3KooWpeer1']],
  ])('is refused when it is one %s', (_, path) => {
    expect(() => decodePath(encodePath(path))).toThrow(SessionCodecError);
  });
});
