const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no socket is there',
  ECONNREFUSED: 'a daemon that has ended left its socket behind',
};

/** In words why no daemon is behind a socket, by what the system says (`ENOENT`); `undefined` when that says something else. */
export function absenceReason(code: string | undefined): string | undefined {
  return code === undefined ? undefined : reasons[code];
}
