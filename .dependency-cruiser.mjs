// Who may import whom. What the arrows are for is told in docs/architecture.md.

/** The workspace packages that the source of each may import. */
const arrows = {
  protocol: [],
  core: ['protocol'],
  client: ['protocol'],
  daemon: ['core', 'protocol'],
  cli: ['client', 'protocol', 'daemon'],
};

const libp2p = 'node_modules/(libp2p|@libp2p/[^/]+|@chainsafe/libp2p-[^/]+)/';
/** Every folder of core is a feature, but for these. The simulation runs features. */
const feature = '^packages/core/src/(?!(?:channel|server|host|gen|simulation)/)([^/]+)/';
const pureFile = '^packages/core/src/(?:|.+/)(state|codec|messages)\\.ts$';
const driverFile = '^packages/core/src/[^/]+/(driver|fallback)\\.ts$';
const startsDaemon =
  '^packages/cli/src/(commands/(start|config|identity|keygen|demo)\\.ts$|(config-options|banner)\\.ts$|demo/)';

const packages = Object.entries(arrows).map(([name, allowed]) => ({
  name: `${name}-imports-${allowed.join('-') || 'no-package'}`,
  comment: `packages/${name} imports ${allowed.join(', ') || 'no other package'}, by name.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^(packages|bench)/', pathNot: `^packages/(${[name, ...allowed].join('|')})/src/` },
}));

export default {
  forbidden: [
    ...packages,
    {
      name: 'packages-by-name',
      comment:
        'Another package is imported by its name, never by a path into it: its exports say what is public.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'daemon-only-where-it-starts',
      comment:
        'Only the commands start, config, identity, keygen and demo load the daemon: all others must start without libp2p.',
      severity: 'error',
      from: { path: '^packages/cli/src/', pathNot: startsDaemon },
      to: { path: '^packages/daemon/' },
    },
    {
      name: 'daemon-only-on-demand',
      comment: 'A command loads the daemon with import() when it runs: `peerd --help` must not load libp2p.',
      severity: 'error',
      from: { path: startsDaemon },
      to: { path: '^packages/daemon/', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'cli-loads-packages-on-demand',
      comment: 'What only some commands need is loaded with import() by these: all wait for what all load.',
      severity: 'error',
      from: { path: '^packages/cli/src/' },
      to: {
        path: 'node_modules/',
        pathNot: 'node_modules/commander/',
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'commands-on-demand',
      comment: 'A command waits for what it needs itself, not for what others do.',
      severity: 'error',
      from: { path: '^packages/cli/src/', pathNot: '^packages/cli/src/commands/' },
      to: { path: '^packages/cli/src/commands/', dynamic: false },
    },
    {
      name: 'client-starts-without-node-crypto',
      comment:
        'It takes 4 ms to load, which every command would wait for: the global crypto loads when it is used.',
      severity: 'error',
      from: { path: '^packages/(client|protocol)/src/' },
      to: { path: '^(node:)?crypto$', dynamic: false, dependencyTypes: ['core'] },
    },
    {
      name: 'libp2p-only-in-host',
      comment: 'Only core/src/host and core/src/identity.ts import libp2p; drivers take its types.',
      severity: 'error',
      from: { path: '^packages/', pathNot: `^packages/core/src/(host/|identity\\.ts$)|${driverFile}|/test/` },
      to: { path: libp2p },
    },
    {
      name: 'drivers-take-libp2p-types-only',
      comment: 'A driver does its I/O through host/.',
      severity: 'error',
      from: { path: driverFile },
      to: { path: libp2p, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-files',
      comment:
        'state.ts, codec.ts and messages.ts do no I/O: no node: module, no libp2p, no host, no driver.',
      severity: 'error',
      from: { path: pureFile },
      to: { path: [libp2p, '^packages/core/src/host/', driverFile] },
    },
    {
      name: 'pure-files-without-node',
      comment:
        'state.ts, codec.ts and messages.ts do no I/O: no node: module, no libp2p, no host, no driver.',
      severity: 'error',
      from: { path: pureFile },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'host-only-through-drivers',
      comment: 'Of a feature only its driver knows the host.',
      severity: 'error',
      from: { path: feature, pathNot: driverFile },
      to: { path: '^packages/core/src/host/' },
    },
    {
      name: 'features-meet-in-the-loop',
      comment:
        'Of another feature a feature knows the types in its messages.ts (and peers/target.ts), nothing else.',
      severity: 'error',
      from: { path: feature },
      to: {
        path: feature,
        pathNot: '^packages/core/src/($1/|[^/]+/messages\\.ts$|peers/target\\.ts$)',
      },
    },
    {
      name: 'features-share-types-only',
      comment: "A feature takes types from another feature's files, no values.",
      severity: 'error',
      from: { path: feature },
      to: { path: feature, pathNot: '^packages/core/src/$1/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'features-take-server-types-only',
      comment: 'The loop calls the features; they know its types.',
      severity: 'error',
      from: { path: feature },
      to: { path: '^packages/core/src/server/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      comment: 'Move what both need into a third file.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-cycles-between-folders',
      comment: 'Two files of one folder may know each other by type; two folders may not.',
      severity: 'error',
      from: { path: '^(.+)/[^/]+$' },
      to: { circular: true, via: { pathNot: '^$1/[^/]+$' } },
    },
    {
      name: 'source-imports-no-test-code',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '(^|/)(test|bench)/|^packages/[^/]+/src/testing\\.ts$', pathNot: 'node_modules' },
    },
    {
      name: 'source-imports-no-dev-dependency',
      comment:
        'What src imports belongs into the dependencies of its package.json; the build of the CLI bundles it.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '^packages/cli/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      comment: 'The rules above can not see what is behind an import that does not resolve.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^packages/[^/]+/dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@peerd/source', 'import', 'node', 'types', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
  },
};
