// Loaded into a daemon: says how much memory it uses when its parent asks. Plain JavaScript: what takes the types out
// of TypeScript would be counted as the daemon's.
import process from 'node:process';

process.on('message', () => {
  // Twice: what finalizers let go of is found by the second.
  globalThis.gc();
  globalThis.gc();
  process.send(process.memoryUsage());
});
process.channel.unref();
