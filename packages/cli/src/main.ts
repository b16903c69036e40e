#!/usr/bin/env node
// Whether this Node is new enough is seen before the rest is read: an older one stops at the first thing it does not know.
import process from 'node:process';

/** As in `engines` of the package, which npm only warns about. */
const needed = { major: 22, minor: 18 };

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > needed.major || (major === needed.major && minor >= needed.minor)) {
  const { runCommandLine } = await import('./command-line.ts');
  await runCommandLine();
} else {
  const ours = `Node ${needed.major}.${needed.minor} or newer is needed`;
  const message = `${ours}, and this is ${process.versions.node} (${process.execPath}): have a newer one first in PATH`;
  if (process.argv.includes('--json'))
    process.stdout.write(`${JSON.stringify({ error: { code: 'internal', message } })}\n`);
  else process.stderr.write(`peerd: ${message} (internal)\n`);
  process.exitCode = 1;
}
