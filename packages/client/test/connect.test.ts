import { PeerdError } from '@peerd/protocol';
import { expect, test } from 'vitest';
import { connect } from '../src/index.ts';

test.each([
  ['by default', {}],
  ['as it is said', { reconnect: { maxDelayMs: 100 } }],
])('connect to a daemon that is stopping is invalid for a client that reconnects %s', async (_, options) => {
  const error = await connect({ ...options, socket: '/nowhere', whileStopping: true }).catch(
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PeerdError);
  expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('reconnect: false') });
});
