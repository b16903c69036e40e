import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { compareConfigs } from '../src/config/reload.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerd-reload-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function load(text: string) {
  const file = join(folder, 'peerd.toml');
  await writeFile(file, text);
  return await loadConfig({ file, env: { HOME: folder } });
}

test.each([
  ['nothing', 'network = "a"', 'network = "a"', [], []],
  ['a default that is now written down', '', 'network = "peerd"\ndeny = []', [], []],
  ['the peers', '', 'peers = ["/ip4/127.0.0.1/tcp/1"]', ['peers'], []],
  ['a level', '', 'log_level = "debug"', ['log_level'], []],
  ['the level of an area', '[log_levels]\nhello = "debug"', '', ['log_levels.hello'], []],
  ['limits', '', '[limits]\nmax_queued_bytes = 1', ['limits.max_queued_bytes'], []],
  ['the largest payload', '', '[limits]\nmax_payload_bytes = 1', [], ['limits.max_payload_bytes']],
  ['an access rule', '', '[services.x]\naccess = "nobody"', ['services.x.access'], []],
  ['an access rule that is gone', '[services.x]\naccess = "nobody"', '', ['services.x.access'], []],
  ['routing', '', '[routing]\nforward = "all"', [], ['routing.forward']],
  ['a secret', 'network_secret = "a"', 'network_secret = "b"', [], ['network_secret']],
  ['both kinds', '', 'mdns = true\nbootstrap_interval = "1s"', ['bootstrap_interval'], ['mdns']],
])('of a change of %s it is told what it needs', async (_, before, after, changed, restart) => {
  const started = await load(before);
  expect(compareConfigs(started, started, await load(after))).toEqual({ changed, restart });
});

test('what is in force is not told again, and what needs a restart is until it is taken back', async () => {
  const started = await load('');
  const changed = await load('log_level = "debug"\nmdns = true');
  expect(compareConfigs(started, changed, changed)).toEqual({ changed: [], restart: ['mdns'] });
  expect(compareConfigs(started, changed, started)).toEqual({ changed: ['log_level'], restart: [] });
});
