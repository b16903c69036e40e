const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a duration as people write it: a number and `ms`, `s`, `m` or `h` (`300ms`, `5s`, `1.5m`).
 * `undefined` if it is none; a number without a unit is none.
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  if (match === null) return undefined;
  const [, number = '', unit = ''] = match;
  return Number(number) * (unitMs[unit] ?? Number.NaN);
}
