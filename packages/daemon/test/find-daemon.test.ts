import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { connect, findSocket } from '@peerd/client';
import { makeSocketFolder, type Owner, socketFolder, socketPath } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenOn } from '../src/control/socket-file.ts';

describe('which daemon', () => {
  let folder: string;
  let owner: Owner;
  let servers: Server[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerd-find-'));
    owner = { env: { XDG_RUNTIME_DIR: folder }, uid: process.getuid?.() };
    servers = [];
    await makeSocketFolder(socketFolder(owner), owner);
  });
  afterEach(async () => {
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  async function listen(path: string): Promise<void> {
    const server = createServer((socket) => socket.destroy());
    await listenOn(server, path);
    servers.push(server);
  }

  /** A socket file that nobody listens on, as `kill -9` leaves it. */
  function leaveDeadSocket(path: string): void {
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ['-e', program]);
  }

  test('the only one that runs, dead ones aside', async () => {
    leaveDeadSocket(socketPath('dead', owner));
    expect((await stat(socketPath('dead', owner))).isSocket()).toBe(true);
    await listen(socketPath('alice', owner));
    expect(await findSocket({}, owner)).toBe(socketPath('alice', owner));
  });

  test('of several none by itself: the error lists them', async () => {
    await listen(socketPath('alice', owner));
    await listen(socketPath('bob', owner));
    await expect(findSocket({}, owner)).rejects.toMatchObject({
      code: 'invalid',
      candidates: ['alice', 'bob'],
    });
  });

  test('the one that is named, by the option before the environment', async () => {
    const named = { ...owner, env: { ...owner.env, PEERD_NAME: 'alice' } };
    expect(await findSocket({}, named)).toBe(socketPath('alice', owner));
    expect(await findSocket({ name: 'bob' }, named)).toBe(socketPath('bob', owner));
    expect(await findSocket({ socket: '/run/x.sock', name: 'bob' }, named)).toBe('/run/x.sock');
  });

  test('none runs: the error says what to type', async () => {
    const none = (why: string) => ({
      code: 'daemon-unavailable',
      message: expect.stringMatching(`${why}.*peerd start`),
    });
    await expect(findSocket({}, owner)).rejects.toMatchObject(none('no daemon runs'));
    await expect(connect({ socket: join(folder, 'none.sock') })).rejects.toMatchObject(
      none('no socket is there'),
    );
    leaveDeadSocket(join(folder, 'dead.sock'));
    await expect(connect({ socket: join(folder, 'dead.sock') })).rejects.toMatchObject(
      none('a daemon that has ended left its socket behind'),
    );
  });

  test('one that closes without a word is not taken for none', async () => {
    const path = socketPath('ending', owner);
    await listen(path);
    await expect(connect({ socket: path })).rejects.toMatchObject({
      code: 'daemon-unavailable',
      message: expect.stringContaining('closed the connection before it greeted'),
    });
  });

  test('one that takes no more connections is found, and busy', async () => {
    const path = socketPath('stuck', owner);
    const text = `require('net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log('listens'))`;
    const child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
    const waiting: Socket[] = [];
    try {
      await once(child.stdout, 'data');
      child.kill('SIGSTOP');
      let failure: NodeJS.ErrnoException | undefined;
      while (failure === undefined) {
        const socket = createConnection(path);
        waiting.push(socket);
        failure = await new Promise((resolve) => {
          socket.once('connect', () => resolve(undefined));
          socket.once('error', resolve);
        });
      }
      expect(failure.code).toBe('EAGAIN');
      expect(await findSocket({}, owner)).toBe(path);
      await expect(connect({ socket: path })).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringContaining('too many programs wait'),
      });
    } finally {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });

  test('a folder that others can write to is not trusted', async () => {
    await chmod(socketFolder(owner), 0o777);
    const refused = expect.objectContaining({
      code: 'invalid',
      message: expect.stringContaining('chmod 700'),
    });
    await expect(findSocket({}, owner)).rejects.toThrow(refused);
    await expect(findSocket({ name: 'alice' }, owner)).rejects.toThrow(refused);
  });

  test("somebody else's socket is not trusted", async () => {
    const path = join(folder, 'x.sock');
    await listen(path);
    const other = { ...owner, uid: (owner.uid ?? 0) + 1 };
    await expect(findSocket({ socket: path }, other)).rejects.toMatchObject({ code: 'invalid' });
  });

  test('what listens there and is no daemon is told apart from none', async () => {
    const path = join(folder, 'web.sock');
    const server = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await listenOn(server, path);
    servers.push(server);
    await expect(connect({ socket: path })).rejects.toMatchObject({ code: 'incompatible' });
  });

  test('an attempt to connect can be called off', async () => {
    const path = join(folder, 'mute.sock');
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .on('end', () => socket.end())
        .resume(),
    );
    await listenOn(server, path);
    servers.push(server);
    const reason = new Error('no more');
    const controller = new AbortController();
    const attempt = connect({ socket: path, signal: controller.signal }).catch((error: unknown) => error);
    server.once('connection', () => controller.abort(reason));
    expect(await attempt).toBe(reason);
  });
});

describe('the socket file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerd-socket-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const close = (server: Server) => new Promise((resolve) => server.close(resolve));

  test('of a live daemon is left alone, of a dead one replaced', async () => {
    const path = join(folder, 'a.sock');
    const first = createServer((socket) => socket.destroy());
    const file = await listenOn(first, path);
    const second = createServer();
    await expect(listenOn(second, path)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(`another daemon already listens on ${path}`),
    });
    await file.remove();
    await close(first);
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ['-e', program]);
    expect((await stat(path)).isSocket()).toBe(true);
    await listenOn(second, path);
    await close(second);
  });

  test('never replaces a file that is something else, and needs its folder', async () => {
    const path = join(folder, 'notes.txt');
    await writeFile(path, 'dear diary');
    await expect(listenOn(createServer(), path)).rejects.toMatchObject({ code: 'invalid' });
    await expect(listenOn(createServer(), join(folder, 'none', 'a.sock'))).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('there is no such folder'),
    });
  });
});
