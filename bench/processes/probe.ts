/** Loaded into a daemon: says how much memory it uses when its parent asks. */
process.on('message', () => {
  // Twice: what finalizers let go of is found by the second.
  globalThis.gc?.();
  globalThis.gc?.();
  process.send?.(process.memoryUsage());
});
process.channel?.unref();
