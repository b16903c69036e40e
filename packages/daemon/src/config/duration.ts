/** As it is written in the file. */
export function durationText(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** What was expected of a duration and what was found, as the file has both; `undefined`: core has said something else. */
export function durationMistake(said: string): string | undefined {
  const match = /^is (\S+): expected a whole number of ms from (\d+) to (\d+)$/.exec(said);
  if (match === null) return undefined;
  const [foundMs, leastMs, mostMs] = match.slice(1).map(Number) as [number, number, number];
  const most = `${Math.floor(mostMs / 3_600_000)}h`;
  let expected = 'in whole ms';
  if (foundMs < leastMs) expected = `from ${durationText(leastMs)} up`;
  else if (foundMs > mostMs) expected = `of up to ${most}`;
  return `expected a duration ${expected}, found "${durationText(foundMs)}"`;
}
