import { once } from 'node:events';
import { link, lstat, mkdtemp, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenOn } from '../src/control/socket-file.ts';

describe('the socket file', () => {
  let folder: string;
  let path: string;
  let servers: Server[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerd-socket-'));
    path = join(folder, 'a.sock');
    servers = [];
  });
  afterEach(async () => {
    for (const server of servers) server.close();
    await rm(folder, { recursive: true });
  });

  async function listen() {
    const server = createServer();
    servers.push(server);
    return await listenOn(server, path);
  }

  /** Leaves the file of a socket that nobody listens on. */
  async function leaveStale() {
    const dead = createServer().listen(join(folder, 'dead'));
    await once(dead, 'listening');
    await link(join(folder, 'dead'), path);
    dead.close();
    await once(dead, 'close');
  }

  test('is closed to others, the only one in its folder, and gone at the end', async () => {
    const file = await listen();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['a.sock']);
    await file.remove();
    expect(await readdir(folder)).toEqual([]);
  });

  test('of a dead daemon goes to one of those that want it at once, and the others are told', async () => {
    for (let round = 0; round < 20; round += 1) {
      await leaveStale();
      const outcomes = await Promise.allSettled(Array.from({ length: 5 }, listen));
      const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      expect(won).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({
            code: 'invalid',
            message: expect.stringContaining('another daemon already listens'),
          });
      expect(await readdir(folder)).toEqual(['a.sock']);
      await won[0]?.value.remove();
    }
  });

  test('that another daemon has put in its place is left alone', async () => {
    const first = await listen();
    await unlink(path);
    const second = await listen();
    const { ino } = await lstat(path);
    await first.remove();
    servers[0]?.close();
    expect((await lstat(path)).ino).toBe(ino);
    await second.remove();
    expect(await readdir(folder)).toEqual([]);
  });

  test('that was moved away is not looked for', async () => {
    const file = await listen();
    await rename(path, join(folder, 'elsewhere'));
    await file.remove();
    expect(await readdir(folder)).toEqual(['elsewhere']);
  });
});
