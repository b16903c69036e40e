import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { encodeSecret, generateSecret, logAreas, peerIdOf } from '@peerd/core';
import { maxControlPayloadBytes } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultName, loadConfig } from '../src/config/load.ts';
import { configKeys, peerConfigOf } from '../src/config/schema.ts';
import { describeConfig } from '../src/config/show.ts';

/** By key or by notation: a value as the file has it, and another one as a variable has it. */
const samples: Record<string, [inFile: string, inVariable: string]> = {
  text: ['"one"', 'two'],
  list: [
    '["12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV"]',
    '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV,12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV',
  ],
  number: ['1', '2'],
  boolean: ['true', 'false'],
  'routing.strategy': ['"source"', 'table'],
  'routing.forward': ['"nobody"', 'all'],
  listen: ['["/ip4/127.0.0.1/tcp/1"]', '/ip4/127.0.0.1/tcp/2,/ip4/127.0.0.1/tcp/3'],
  peers: ['["/ip4/127.0.0.1/tcp/1"]', '/ip4/127.0.0.1/tcp/2,/ip4/127.0.0.1/tcp/3'],
  profile: ['"lan"', 'internet'],
  compat: ['"tinyp2p"', 'tinyp2p'],
  discovery: ['"off"', 'on'],
  bootstrap_interval: ['"1s"', '2s'],
  first_bootstrap: ['"1s"', '2s'],
  secret: ['"4wBqpZM9xaSheZzJSMawUKKwhdpChKbZ5eu5ky4Vigw"', '8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR'],
};
for (const key of ['log_level', ...logAreas.map((area) => `log_levels.${area}`)])
  samples[key] = ['"warn"', 'debug'];

describe('configuration', () => {
  let folder: string;
  let file: string;
  let env: NodeJS.ProcessEnv;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerd-config-'));
    file = join(folder, 'peerd.toml');
    env = { HOME: folder, XDG_RUNTIME_DIR: folder };
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** The message of the failure to load this text. */
  async function mistakes(text: string): Promise<string> {
    await writeFile(file, text);
    const error = await loadConfig({ file, env }).then(
      () => expect.unreachable('it was accepted'),
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'invalid' });
    return (error as Error).message;
  }

  test('every key of the file arrives in the configuration of the peer', async () => {
    const secret = await generateSecret();
    const [alice, bob] = [await peerIdOf(secret), await peerIdOf(await generateSecret())];
    await writeFile(
      file,
      `
name = "alice"
network = "home"
network_secret = "open sesame"
allow = ["${alice}"]
deny = ["${bob}"]
listen = ["/ip4/127.0.0.1/tcp/4001"]
peers = ["/ip4/127.0.0.1/tcp/4002/p2p/${alice}"]
profile = "lan"
discovery = "on"
mdns = true
compat = "tinyp2p"
bootstrap_interval = "1m"
first_bootstrap = "250ms"
secret = "${encodeSecret(secret)}"
data = "/var/lib/alice"
socket = "/run/alice.sock"
log_level = "warn"

[log_levels]
request = "debug"

[routing]
strategy = "source"
random_fallback = false
forward = "nobody"

[limits]
max_payload_bytes = 1000
max_queued_commands = 1
max_queued_bytes = 2
max_outbound_calls = 3
max_inbound_calls_per_peer = 4
max_bytes_in_flight = 5

[services.open]
access = "open"
[services.""]
access = "nobody"
[services."for alice"]
access = ["${alice}"]
`,
    );
    const { name, data, socket, values } = await loadConfig({ file, env });
    expect({ name, data, socket }).toEqual({
      name: 'alice',
      data: '/var/lib/alice',
      socket: '/run/alice.sock',
    });
    expect(values).toMatchObject({ log_level: 'warn', log_levels: { request: 'debug' } });
    expect(peerConfigOf(values, { name, secret })).toEqual({
      name: 'alice',
      secret,
      network: 'home',
      networkSecret: 'open sesame',
      allow: [alice],
      deny: [bob],
      listen: ['/ip4/127.0.0.1/tcp/4001'],
      peers: [`/ip4/127.0.0.1/tcp/4002/p2p/${alice}`],
      profile: 'lan',
      discovery: 'on',
      mdns: true,
      compat: 'tinyp2p',
      bootstrapIntervalMs: 60_000,
      firstBootstrapMs: 250,
      routing: { strategy: 'source', randomFallback: false, forward: 'nobody' },
      limits: {
        maxPayloadBytes: 1000,
        maxQueuedCommands: 1,
        maxQueuedBytes: 2,
        maxOutboundCalls: 3,
        maxInboundCallsPerPeer: 4,
        maxBytesInFlight: 5,
      },
      services: { open: 'open', '': 'nobody', 'for alice': { peers: [alice] } },
    });
  });

  test('the documentation has every key, and its complete file is one', async () => {
    const text = await readFile(new URL('../../../docs/reference/configuration.md', import.meta.url), 'utf8');
    const names = configKeys.map(({ path }) => path.at(-1) as string);
    for (const key of names) expect(text).toContain(`\n| \`${key}\` |`);
    const [, example = ''] = /```toml\n(.*?)```/s.exec(text) ?? [];
    for (const key of names) expect(example).toMatch(new RegExp(`^(# )?${key} = `, 'm'));
    await writeFile(file, example);
    await chmod(file, 0o600);
    expect(await loadConfig({ file, env })).toMatchObject({ name: 'alice', warnings: [] });
  });

  test('nothing given is a configuration: by the name of the host, in the home of the user', async () => {
    const { name, data, socket, values } = await loadConfig({ env });
    expect(name).toBe(defaultName());
    expect(data).toBe(join(folder, '.local/share/peerd', name));
    expect(socket).toBe(join(folder, 'peerd', `${name}.sock`));
    expect(peerConfigOf(values, { name, secret: new Uint8Array(32) })).toEqual({
      name,
      secret: new Uint8Array(32),
    });
  });

  test('the environment wins over the file, and flags win over both', async () => {
    await writeFile(file, 'name = "file"\nnetwork = "file"\n[limits]\nmax_queued_bytes = 1\n');
    const named = { ...env, PEERD_NAME: 'env', XDG_DATA_HOME: '/data' };
    expect(await loadConfig({ file, env: named })).toMatchObject({ name: 'env', data: '/data/peerd/env' });
    const { name, values } = await loadConfig({ file, env: named, flags: { name: 'flag', network: 'flag' } });
    expect(name).toBe('flag');
    expect(values).toMatchObject({ network: 'flag', limits: { max_queued_bytes: 1 } });
  });

  test.each([
    [
      'an unknown key',
      'name = "a"\nlisten_on = []',
      ':2: unknown key listen_on: known keys are name, network,',
    ],
    ['a misspelt key', '\n\nnmae = "a"', ':3: unknown key nmae: did you mean name?'],
    [
      'a misspelt key of a table',
      '[limits]\nmax_queue_bytes = 1',
      ':2: unknown key limits.max_queue_bytes: did you',
    ],
    ['a dotted key', '# first\nlimits.nothing = 1', ':2: unknown key limits.nothing'],
    ['an inline table', 'limits = { max_queued_bytes = 0 }', ':1: limits.max_queued_bytes: '],
    ['a value of another type', 'mdns = "yes"', ':1: mdns: '],
    ['an element of a list', 'peers = [\n  "/ip4/1.2.3.4",\n  3,\n]', ':3: peers[1]: '],
    ['a value that is not one of those', 'name = "a"\nprofile = "wan"', ':2: profile: '],
    ['a duration without a unit', 'bootstrap_interval = "30"', ':1: bootstrap_interval: expected a duration'],
    [
      'a limit past what the control socket carries',
      'limits.max_payload_bytes = 999999999',
      ':1: limits.max_payload',
    ],
    [
      'a strategy that is none',
      '[routing]\nstrategy = "flood"',
      ':2: routing.strategy: expected "table" or "source", found "flood"',
    ],
    ['a name that is none', 'name = "a/b"', ':1: name: expected 1 to 63'],
    [
      'an address that is none',
      'listen = [\n  "/ip4/127.0.0.1/tcp/0",\n  "nonsense",\n]',
      ':3: listen[1]: "nonsense" is not a multiaddr',
    ],
    ['a peer that is no address', 'name = "a"\npeers = ["bob"]', ':2: peers[0]: "bob" is not a multiaddr'],
    ['an id that is none', 'allow = ["zzz"]', ':1: allow[0]: "zzz" is not a peer id'],
    ['a rule that is none', '[services.clock]\naccess = "all"', ':2: services.clock.access: expected "open"'],
    [
      'a name where an id has to be',
      '[services.clock]\naccess = ["alice"]',
      ':2: services.clock.access[0]: expected a peer id (a name proves nothing)',
    ],
    ['a service without a rule', '\n[services.clock]', ':2: services.clock.access: '],
    [
      'a misspelt key of a service',
      '[services.clock]\nacess = "open"',
      ':2: unknown key services.clock.acess: did you mean access?',
    ],
    ['what needs another key', 'discovery = "off"\nmdns = true', ':2: mdns: needs discovery'],
    [
      'too short a duration',
      '\nbootstrap_interval = "0.001ms"',
      ':2: bootstrap_interval: expected a duration from 100ms up, found "0.001ms"',
    ],
    [
      'too long a duration',
      'first_bootstrap = "600h"',
      ':1: first_bootstrap: expected a duration of up to 596h, found "2160000s"',
    ],
    [
      'a duration that no timer has',
      'first_bootstrap = "100.5ms"',
      ':1: first_bootstrap: expected a duration in whole ms, found "100.5ms"',
    ],
    ['too long a name of a network', `network = "${'x'.repeat(64)}"`, ':1: network: needs 1 to 63'],
    [
      'a service by the name of what every object has',
      '\n[services.__proto__]\naccess = "open"',
      ":2: services.__proto__: __proto__ can't be the name of a key",
    ],
    ['the same as a key', '[limits]\n__proto__ = 1', ':2: limits.__proto__: '],
    ['the same in quotes', '\nservices = {"__proto__" = {}}', ':2: services.__proto__: '],
    ['what is no TOML', 'name = "a"\nlisten = [', ':2: '],
    ['a key given twice', 'name = "a"\nname = "b"', ':2: '],
  ])('%s is reported with file, line and key', async (_, text, report) => {
    expect(await mistakes(text)).toContain(`${file}${report}`);
  });

  test('all mistakes are reported at once, in the order of the file, then the variables, then the flags', async () => {
    await writeFile(file, 'mdns = 1\nnetwork = ""\nbogus = 1\nallow = ["x"]');
    const loading = loadConfig({
      file,
      env: { ...env, PEERD_PROFILE: 'wan' },
      flags: { log_level: 'loud', socket: join(folder, 'x'.repeat(100)) },
    });
    const error = await loading.catch((reason: unknown) => reason);
    expect((error as Error).message.split('\n')).toEqual([
      expect.stringContaining(`${file}:1: mdns: `),
      expect.stringContaining(`${file}:2: network: `),
      expect.stringContaining(`${file}:3: unknown key bogus`),
      expect.stringContaining(`${file}:4: allow[0]: `),
      expect.stringContaining('PEERD_PROFILE: profile: '),
      expect.stringContaining('--socket: socket: '),
      expect.stringContaining('--log-level: log_level: '),
    ]);
  });

  test.each([
    ['name = 3', 'name: expected text in quotes, found 3'],
    ['mdns = "yes"', 'mdns: expected true or false, found "yes"'],
    ['listen = "a"', 'listen: expected a list in brackets, found "a"'],
    ['peers = [[]]', 'peers[0]: expected text in quotes, found a list'],
    ['allow = 1979-05-27', 'allow: expected a list in brackets, found a date'],
    ['profile = "wan"', 'profile: expected "local", "lan" or "internet", found "wan"'],
    ['compat = true', 'compat: expected "tinyp2p", found true'],
    ['bootstrap_interval = 30', 'bootstrap_interval: expected a duration such as "30s" or "500ms", found 30'],
    ['limits = 1', 'limits: expected a table, found 1'],
    ['limits.max_queued_bytes = 0', 'limits.max_queued_bytes: expected a whole number from 1 up, found 0'],
    ['limits.max_queued_bytes = 1.5', 'limits.max_queued_bytes: expected a whole number, found 1.5'],
    ['limits.max_queued_bytes = "x"', 'limits.max_queued_bytes: expected a whole number, found "x"'],
    [
      'limits.max_payload_bytes = 999999999',
      `limits.max_payload_bytes: expected a whole number up to ${maxControlPayloadBytes}, found 999999999`,
    ],
    [
      'services.a = {}',
      'services.a.access: expected "open", "nobody" or a list of peer ids (a name proves nothing), found nothing',
    ],
    [`data = ["${'x'.repeat(99)}"]`, 'data: expected text in quotes, found a list'],
    [
      `log_level = "${'x'.repeat(99)}"`,
      `log_level: expected "debug", "info", "warn", "error" or "silent", found "${'x'.repeat(60)}…"`,
    ],
    ['secret = 3', 'secret: expected text in quotes'],
    ['network_secret = ""', 'network_secret: expected a text that is not empty'],
  ])('%s: what is expected and what was found', async (text, mistake) => {
    expect(await mistakes(text)).toBe(`${file}:1: ${mistake}`);
  });

  test('all that core refuses is reported at once, from where each value came', async () => {
    await writeFile(file, 'allow = ["x", "y"]\ndiscovery = "off"\nbootstrap_interval = "1ms"\n');
    const loading = loadConfig({ file, env, flags: { listen: ['foo'], peers: ['bob'], mdns: true } });
    const error = await loading.catch((reason: unknown) => reason);
    expect((error as Error).message.split('\n')).toEqual([
      expect.stringContaining(`${file}:1: allow[0]: "x"`),
      expect.stringContaining(`${file}:1: allow[1]: "y"`),
      `${file}:3: bootstrap_interval: expected a duration from 100ms up, found "1ms"`,
      expect.stringContaining('--listen: listen[0]: "foo" is not a multiaddr'),
      expect.stringContaining('--peer: peers[0]: "bob" is not a multiaddr'),
      expect.stringContaining('--mdns: mdns: needs discovery'),
    ]);
    expect(await readdir(folder)).toEqual(['peerd.toml']);
  });

  test('every key has a variable, which wins over the file and loses to a flag', async () => {
    for (const { path, notation } of configKeys) {
      const variable = `PEERD_${path.join('_').toUpperCase()}`;
      const [inFile, inVariable] = samples[path.join('.')] ?? samples[notation] ?? expect.unreachable();
      await writeFile(file, `${path.join('.')} = ${inFile}\n`);
      await chmod(file, 0o600);
      const fromFile = await loadConfig({ file, env });
      expect(fromFile.sourceOf(path)).toBe(`${file}:1`);
      const { sourceOf, values } = await loadConfig({ file, env: { ...env, [variable]: inVariable } });
      expect(sourceOf(path)).toBe(variable);
      const at = (from: object) =>
        path.reduce<unknown>((below, key) => Reflect.get(below as object, key), from);
      // That key takes only one value.
      if (path[0] !== 'compat') expect(at(values)).not.toEqual(at(fromFile.values));
      if (path.length > 1) continue;
      const flags = { [path[0] as string]: JSON.parse(inFile) };
      const flagged = await loadConfig({ file, env: { ...env, [variable]: inVariable }, flags });
      expect(flagged.sourceOf(path)).toMatch(/^--/);
      expect(at(flagged.values)).toEqual(at((await loadConfig({ env, flags })).values));
    }
  });

  test.each([
    [
      'PEERD_LISTEN',
      '/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2',
      { listen: ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'] },
    ],
    ['PEERD_LIMITS_MAX_PAYLOAD_BYTES', '1000', { limits: { max_payload_bytes: 1_000 } }],
    ['PEERD_MDNS', 'true', { mdns: true }],
    ['PEERD_MDNS', 'false', { mdns: false }],
    ['PEERD_FIRST_BOOTSTRAP', '2s', { first_bootstrap: 2_000 }],
    ['PEERD_LOG_LEVEL', 'warn, request=debug', { log_level: 'warn', log_levels: { request: 'debug' } }],
    ['PEERD_LOG_LEVEL', 'hello=error', { log_levels: { hello: 'error' } }],
    ['PEERD_LOG_LEVELS_HELLO', 'error', { log_levels: { hello: 'error' } }],
    ['PEERD_NETWORK', '', {}],
  ])('%s=%s', async (variable, text, values) => {
    expect((await loadConfig({ env: { ...env, [variable]: text } })).values).toEqual(values);
  });

  test.each([
    ['PEERD_LIMITS_MAX_PAYLOAD_BYTES', '16MiB', 'limits.max_payload_bytes: '],
    ['PEERD_LIMITS_MAX_QUEUED_BYTES', '0', 'limits.max_queued_bytes: '],
    ['PEERD_MDNS', 'yes', 'mdns: '],
    ['PEERD_PEERS', '/ip4/127.0.0.1/tcp/1,bob', 'peers[1]: "bob" is not a multiaddr'],
    ['PEERD_LOG_LEVEL', 'loud', 'log_level: '],
    ['PEERD_LOG_LEVEL', 'request=debug=info', 'log_levels.request: '],
    ['PEERD_LOG_LEVEL', 'info,requst=debug', 'unknown key log_levels.requst: did you mean request?'],
    ['PEERD_NAME', 'a/b', 'name: expected 1 to 63'],
  ])('%s=%s is refused, with the variable and the key', async (variable, text, mistake) => {
    const loading = loadConfig({ env: { ...env, [variable]: text } });
    await expect(loading).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(`${variable}: ${mistake}`),
    });
  });

  test('a flag of a table wins over the file for its own key alone, and is named where it is wrong', async () => {
    await writeFile(file, '[routing]\nforward = "all"\nstrategy = "table"\n');
    const flags = { routing: { strategy: 'source' } };
    const { sourceOf, values } = await loadConfig({ file, env, flags });
    expect(values.routing).toEqual({ forward: 'all', strategy: 'source' });
    expect(sourceOf(['routing', 'strategy'])).toBe('--routing-strategy');
    expect(sourceOf(['routing', 'forward'])).toBe(`${file}:2`);
    const wrong = loadConfig({ file, env, flags: { routing: { random_fallback: 'maybe' } } });
    await expect(wrong).rejects.toThrow(
      '--no-routing-random-fallback: routing.random_fallback: expected true or false, found "maybe"',
    );
  });

  test('a secret in a variable is never shown', async () => {
    const loading = loadConfig({ env: { ...env, PEERD_SECRET: 'hunter2' } });
    await expect(loading).rejects.toThrow(/^PEERD_SECRET: secret: (?!.*hunter2)/);
  });

  test('a variable that means nothing is warned of, and those of other parts are not', async () => {
    const others = {
      PEERD_TICKET: '',
      PEERD_PASSPHRASE: 'x',
      PEERD_PEER_NAME: 'x',
      PEERD_REQUEST_NUMBER: '1',
    };
    const { warnings } = await loadConfig({
      env: { ...env, ...others, PEERD_LISTN: 'x', PEERD_BOGUS_THING: 'x' },
    });
    expect(warnings).toEqual([
      'the variable PEERD_LISTN means nothing to peerd: did you mean PEERD_LISTEN?',
      'the variable PEERD_BOGUS_THING means nothing to peerd',
    ]);
  });

  test('without a file given, NAME.toml and else config.toml of the configuration folder is read', async () => {
    const found = async (options: Parameters<typeof loadConfig>[0] = {}) => {
      const { file: path, values } = await loadConfig({ env, ...options });
      return [path, values.network];
    };
    expect(await found()).toEqual([undefined, undefined]);
    const home = join(folder, '.config', 'peerd');
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'config.toml'), 'network = "all"');
    await writeFile(join(home, 'alice.toml'), 'network = "hers"');
    expect(await found()).toEqual([join(home, 'config.toml'), 'all']);
    expect(await found({ flags: { name: 'alice' } })).toEqual([join(home, 'alice.toml'), 'hers']);
    expect(await found({ flags: { name: 'bob' } })).toEqual([join(home, 'config.toml'), 'all']);
    expect(await found({ env: { ...env, PEERD_NAME: 'alice' } })).toEqual([join(home, 'alice.toml'), 'hers']);
    expect(await found({ env: { ...env, XDG_CONFIG_HOME: join(folder, 'none') } })).toEqual([
      undefined,
      undefined,
    ]);
    await writeFile(file, 'network = "given"');
    expect(await found({ env: { ...env, PEERD_CONFIG: file } })).toEqual([file, 'given']);
    expect(await found({ env: { ...env, PEERD_CONFIG: file }, file: '/dev/null' })).toEqual([
      '/dev/null',
      undefined,
    ]);
  });

  test('a path in a file is taken from the folder of the file, any other from here', async () => {
    await writeFile(file, 'data = "state"\nsocket = "../s"');
    expect(await loadConfig({ file, env })).toMatchObject({
      data: join(folder, 'state'),
      socket: join(folder, '../s'),
    });
    expect(
      await loadConfig({ file, env: { ...env, PEERD_DATA: 'state' }, flags: { socket: 's' } }),
    ).toMatchObject({
      data: join(process.cwd(), 'state'),
      socket: join(process.cwd(), 's'),
    });
  });

  test('what is shown has every key, its value and its place, and no secret', async () => {
    const secret = encodeSecret(await generateSecret());
    await writeFile(
      file,
      `\nnetwork = "home"\nsecret = "${secret}"\n[limits]\nmax_queued_bytes = 5\n[services.clock]\naccess = "nobody"\n`,
    );
    const config = await loadConfig({
      file,
      env: { ...env, PEERD_NETWORK_SECRET: 'swordfish', PEERD_BOOTSTRAP_INTERVAL: '1500ms' },
      flags: { peers: [], log_level: 'request=debug' },
    });
    const entries = describeConfig(config);
    expect(entries.map(({ key }) => key)).toEqual([
      ...configKeys.map(({ path }) => path.join('.')),
      'services.clock.access',
    ]);
    expect(JSON.stringify(entries)).not.toMatch(new RegExp(`swordfish|${secret}`));
    const shown = Object.fromEntries(
      entries.map(({ key, isRedacted, ...entry }) => [key, { ...entry, ...(isRedacted && { isRedacted }) }]),
    );
    expect(shown).toMatchObject({
      name: { value: defaultName(), source: 'default' },
      network: { value: 'home', source: `${file}:2` },
      network_secret: { value: null, isRedacted: true, source: 'PEERD_NETWORK_SECRET' },
      secret: { value: null, isRedacted: true, source: `${file}:3` },
      compat: { value: null, source: 'default' },
      listen: { value: ['/ip4/127.0.0.1/tcp/0'], source: 'default' },
      peers: { value: [], source: '--peer' },
      bootstrap_interval: { value: '1500ms', source: 'PEERD_BOOTSTRAP_INTERVAL' },
      'log_levels.request': { value: 'debug', source: '--log-level' },
      'log_levels.hello': { value: 'info', source: 'default' },
      'services.clock.access': { value: 'nobody', source: `${file}:7` },
      'limits.max_queued_bytes': { value: 5, source: `${file}:5` },
      'limits.max_payload_bytes': { value: 16 * 1024 * 1024, source: 'default' },
    });
  });

  test('the level of an area that has none of its own is shown with the place of the general one', async () => {
    await writeFile(file, '\nlog_level = "debug"\n[log_levels]\nhello = "warn"\n');
    const shown = describeConfig(await loadConfig({ file, env }));
    expect(shown.filter(({ key }) => key === 'log_levels.request' || key === 'log_levels.hello')).toEqual([
      { key: 'log_levels.hello', value: 'warn', source: `${file}:4`, isRedacted: false },
      { key: 'log_levels.request', value: 'debug', source: `${file}:2`, isRedacted: false },
    ]);
  });

  test('a path too long for a socket is refused', async () => {
    const socket = join(folder, 'x'.repeat(100));
    await expect(loadConfig({ env, flags: { socket } })).rejects.toThrow('bytes long');
  });

  test('a malformed secret is never shown', async () => {
    const message = await mistakes('secret = "hunter2"');
    expect(message).toContain(':1: secret: ');
    expect(message).not.toContain('hunter2');
  });

  test('a file with a secret that others may read is warned of, without the secret', async () => {
    await writeFile(file, 'network_secret = "swordfish"');
    await chmod(file, 0o640);
    const { warnings } = await loadConfig({ file, env });
    expect(warnings).toEqual([expect.stringMatching(/network_secret: .*chmod 600 .*peerd\.toml$/)]);
    expect(warnings.join()).not.toContain('swordfish');
    await chmod(file, 0o600);
    expect((await loadConfig({ file, env })).warnings).toEqual([]);
    await writeFile(file, 'name = "alice"');
    await chmod(file, 0o644);
    expect((await loadConfig({ file, env })).warnings).toEqual([]);
  });

  test('a mistake on the command line names the flag', async () => {
    const loading = loadConfig({ env, flags: { log_level: 'loud', listen: [''] } });
    await expect(loading).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/--listen: listen\[0\].*\n--log-level: log_level: /),
    });
  });

  test('a file that is not there, or is a directory, is reported by its path', async () => {
    await expect(loadConfig({ file, env })).rejects.toThrow(`${file} can't be read: there is no such file`);
    await expect(loadConfig({ file: folder, env })).rejects.toThrow(
      `${folder} can't be read: it is a directory`,
    );
  });

  test.each([
    ['alice.example.org', 'alice'],
    ["Bob's Mac", 'Bob-s-Mac'],
    ['--x', 'x'],
    ['', 'peerd'],
    ['日本', 'peerd'],
  ])('a host called %j makes a node called %j', (host, name) => {
    expect(defaultName(host)).toBe(name);
  });
});
