import { fstatSync, writeSync } from 'node:fs';
import process from 'node:process';

const standardError = 2;

/** Bytes that wait for whoever reads a pipe of ours; past it records are lost, and counted. */
const maxUnreadBytes = 1024 * 1024;

/** Where the lines of the log go. It never throws and never waits. */
export interface Sink {
  /** False: it could not be written. */
  write(line: string): boolean;
}

/**
 * Standard error. A file and a terminal are written at once, so that what was logged before a crash is there; a pipe
 * as fast as it is read: who reads it slowly, or no longer, must not hold up the daemon.
 */
export function standardErrorSink(): Sink {
  if (!isPipe()) return { write: (line) => writeNow(line) };
  // A pipe that was closed is reported here, and to nobody else.
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
  return {
    write(line) {
      if (process.stderr.destroyed || process.stderr.writableLength > maxUnreadBytes) return false;
      process.stderr.write(line);
      return true;
    },
  };
}

function ignore(): void {}

function isPipe(): boolean {
  try {
    const stat = fstatSync(standardError);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return false;
  }
}

/** A full disk, and a terminal that is gone, are no reason to end. */
function writeNow(line: string): boolean {
  try {
    writeSync(standardError, line);
    return true;
  } catch {
    return false;
  }
}
