import type { NodeLife } from '@peerd/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Log } from '../src/log.ts';
import type { Output } from '../src/server/messages.ts';
import { Narrator } from '../src/server/narrate.ts';

let lines: string[];
let narrator: Narrator;
beforeEach(() => {
  lines = [];
  const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  narrator = new Narrator({ ...log, isDebugging: () => true });
});

const tell = (...outputs: Output[]) => {
  for (const output of outputs) narrator.tell(output, undefined);
  return lines.splice(0);
};
/** What it says of these is not of interest, but that it has heard of them. */
const hear = (...events: NodeLife[]) => {
  for (const life of events) narrator.tell({ type: 'discovery/itself', address: '' }, life);
  lines = [];
};
const asks = (peerName?: string): Output => ({
  type: 'request/dispatch',
  key: 1,
  peer: 'id-of-bob',
  peerName,
  service: '',
  payload: new Uint8Array(2),
});
const wanted: Output = { type: 'session/open', link: 3, peer: 'id-of-bob' };

describe('the log', () => {
  test('calls a peer that others lead to by its name, as long as there is a way', () => {
    expect(tell(wanted)).toEqual(['debug: calls to id-of-bob go over others, in a session']);
    hear({ type: 'route-found', peer: 'id-of-bob', name: 'bob' });
    expect(tell(wanted)).toEqual(['debug: calls to bob (id-of-bob) go over others, in a session']);
    hear({ type: 'route-lost', peer: 'id-of-bob', name: 'bob' });
    expect(tell(wanted)).toEqual(['debug: calls to id-of-bob go over others, in a session']);
  });

  test('keeps the name of a peer whose connection is gone, and that others lead to', () => {
    hear({ type: 'route-found', peer: 'id-of-bob', name: 'bob' });
    hear({ type: 'peer-connected', peer: 'id-of-bob', name: 'bob', kind: 'peerd' });
    hear({ type: 'peer-disconnected', peer: 'id-of-bob', name: 'bob' });
    expect(tell(asks())).toEqual(['debug: bob (id-of-bob) asks: 2 bytes']);
  });

  test('calls who asks as it has said itself', () => {
    expect(tell(asks('bob'))).toEqual(['debug: bob (id-of-bob) asks: 2 bytes']);
  });

  test('tells of sessions, and warns of an end that breaks the protocol in one', () => {
    expect(tell({ type: 'session/inbound', link: -7, peer: 'id-of-eve', name: 'eve' })).toEqual([
      'debug: calls of eve (id-of-eve) come over others, in a session',
    ]);
    const close = { type: 'session/close', link: -7, reason: 'no such frame' } as const;
    expect(tell({ ...close, isFault: true })).toEqual([
      'warn: closed the session with id-of-eve: no such frame',
    ]);
    tell(wanted);
    expect(tell({ ...close, link: 3, reason: 'nobody uses it' })).toEqual([
      'debug: closed the session with id-of-bob: nobody uses it',
    ]);
    tell(wanted);
    expect(tell({ type: 'session/failed', link: 3, code: 'unreachable', message: 'no answer' })).toEqual([
      'debug: no session with id-of-bob: no answer',
    ]);
  });

  test('says of a peer that was disconnected whether there was a connection', () => {
    const parting = { type: 'peer/parting', ref: 1, peer: 'id-of-bob' } as const;
    expect(tell({ ...parting, connections: ['c'] }, { ...parting, connections: [] })).toEqual([
      'info: disconnecting from id-of-bob, as asked',
      'info: id-of-bob is not connected, and not dialled without need any more, as asked',
    ]);
  });
});
