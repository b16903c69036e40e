import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, closed to others, and what is missing above it. `mkdir` with `recursive` never returns where
 * the system says that an existing folder does not exist, as below `/proc`. Resolves to whether it was made.
 */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      // Of a folder that is what was wanted; of a file this fails with the same code.
      await mkdir(path, { recursive: true });
      return false;
    }
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  await makeFolder(dirname(path));
  await mkdir(path, { mode: 0o700 });
  return true;
}
