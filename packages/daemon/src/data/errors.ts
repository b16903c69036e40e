import { PeerdError } from '@peerd/protocol';

/** What the system's words for trouble with files mean to the person who chose the path. */
const reasons: Record<string, string> = {
  EACCES: 'you have no right to write there',
  EPERM: 'you have no right to write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'there is a file of that name',
  ENOENT: 'a folder of its path does not exist',
  ELOOP: 'its path has a loop of links',
  ENAMETOOLONG: 'its path is too long',
};

/** An error of the file system as one with a code: `busy` when the disk is full, else `invalid`, with the option to choose another place. */
export function storageError(what: string, cause: unknown, option: string = '--data'): PeerdError {
  if (cause instanceof PeerdError) return cause;
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || /no space left/i.test(message))
    return new PeerdError('busy', `${what}: the disk is full, make room there`, { cause });
  return new PeerdError(
    'invalid',
    `${what}: ${reasons[code] ?? message}. Choose another place with ${option}`,
    {
      cause,
    },
  );
}
