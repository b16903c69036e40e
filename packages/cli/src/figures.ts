const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB`: three figures at most. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1_000 && unit < byteUnits.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${byteUnits[unit]}`;
}

/** `12,345`. */
export function whole(count: number): string {
  return `${Math.round(count)}`.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `0.31 ms`, `12.0 ms`, `2,500 ms`. */
export function milliseconds(ms: number): string {
  return ms >= 1_000 ? `${whole(ms)} ms` : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}

/** `4.2 s`, `3 min 12 s`, `5 h 4 min`, `12 d 3 h`. */
export function span(ms: number): string {
  const s = ms / 1_000;
  if (s < 60) return `${s.toFixed(1)} s`;
  const [minutes, hours, days] = [Math.floor(s / 60), Math.floor(s / 3_600), Math.floor(s / 86_400)];
  if (hours === 0) return `${minutes} min ${Math.floor(s % 60)} s`;
  return days === 0 ? `${hours} h ${minutes % 60} min` : `${days} d ${hours % 24} h`;
}

/** The time of day, to the millisecond. */
export function timeOfDay(timeMs: number): string {
  const time = new Date(timeMs);
  return new Date(timeMs - time.getTimezoneOffset() * 60_000).toISOString().slice(11, -1);
}
