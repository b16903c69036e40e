import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';

/**
 * Writes a file for this user alone: it is there whole or not at all, whatever happens meanwhile. Never replaces one.
 * Fails with what the system says.
 */
export async function writeNewFile(path: string, text: string): Promise<void> {
  await withDraft(path, text, async (draft) => {
    try {
      // Unlike rename, link never replaces what is there.
      await link(draft, path);
      await unlink(draft);
    } catch (error) {
      if (!hasNoLinks(error)) throw error;
      await renameToNew(draft, path);
    }
  });
}

/** Writes a file in the place of the one that is there, which is kept under a second name. Fails with what the system says. */
export async function replaceFile(path: string, text: string, keptAs: string): Promise<void> {
  await withDraft(path, text, async (draft) => {
    // A link first: there is a file at the path at any time.
    await link(path, keptAs);
    await rename(draft, path).catch(async (error: unknown) => {
      await unlink(keptAs).catch(() => {});
      throw error;
    });
  });
}

/** Has `place` move a draft that is safe on the disk to where it belongs; what fails leaves no draft. */
async function withDraft(path: string, text: string, place: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.new-${process.pid}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(draft);
    await syncDirectory(dirname(path));
  } catch (error) {
    await unlink(draft).catch(() => {});
    throw error;
  }
}

/** Memory sticks come with file systems that have no links. */
function hasNoLinks(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS';
}

async function renameToNew(draft: string, path: string): Promise<void> {
  const claim = await open(path, 'wx', 0o600);
  await claim.close();
  await rename(draft, path).catch(async (error: unknown) => {
    await unlink(path).catch(() => {});
    throw error;
  });
}

/** A new name is safe against a power cut only when its directory has reached the disk too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
