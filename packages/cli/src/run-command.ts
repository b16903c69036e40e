import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { PeerdError } from '@peerd/protocol';

/** Commands that run at a time; further requests wait. Each is a process or more. */
const maxRunning = 16;

/** Bytes of a command's standard error that become the reason of a refusal: the last ones say what happened. */
const maxReasonBytes = 2_048;

/** Bytes of an answer; the daemon's own limit comes on top of this. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** Time for a command to end by itself once it was told to, before it is killed. */
const killAfterMs = 1_000;

/** Runs one shell command for each request, each in a process group of its own, so that all of it can be ended. */
export class CommandRunner {
  readonly #command: string;
  readonly #children = new Set<ChildProcess>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(command: string) {
    this.#command = command;
    // However this program ends, short of being killed: no command outlives it.
    process.once('exit', () => {
      for (const child of this.#children) killGroup(child, 'SIGKILL');
    });
  }

  /** The command's standard output. Fails with `refused` when it does not exit with 0. */
  async run(payload: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    while (this.#running >= maxRunning) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
    this.#running += 1;
    try {
      signal.throwIfAborted();
      return await this.#spawn(payload, signal);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #spawn(payload: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.#command, { shell: true, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
      this.#children.add(child);
      const answer: Uint8Array[] = [];
      let answerBytes = 0;
      let reason = Buffer.alloc(0);
      let killTimer: NodeJS.Timeout | undefined;
      const cancel = () => {
        killGroup(child, 'SIGTERM');
        killTimer ??= setTimeout(() => killGroup(child, 'SIGKILL'), killAfterMs);
      };
      signal.addEventListener('abort', cancel, { once: true });
      child.stdout.on('data', (chunk: Uint8Array) => {
        // What comes after the limit is read, so that the command can end, and dropped.
        if (answerBytes > maxAnswerBytes) return;
        answerBytes += chunk.length;
        if (answerBytes <= maxAnswerBytes) answer.push(chunk);
        else {
          answer.length = 0;
          cancel();
        }
      });
      child.stderr.on('data', (chunk: Uint8Array) => {
        reason = Buffer.concat([reason, chunk]).subarray(-maxReasonBytes);
      });
      // A command need not read what it is sent.
      child.stdin.on('error', () => {});
      child.stdin.end(payload);
      const finish = (error?: Error) => {
        clearTimeout(killTimer);
        signal.removeEventListener('abort', cancel);
        this.#children.delete(child);
        if (error === undefined) resolve(Buffer.concat(answer, answerBytes));
        else reject(error);
      };
      child.once('error', (cause) =>
        finish(new PeerdError('refused', `the command did not start: ${cause.message}`)),
      );
      // The shell has ended: what it left running would outlive this program, or hold up the answer.
      child.once('exit', () => killGroup(child, 'SIGKILL'));
      child.once('close', (status, killedBy) => {
        if (signal.aborted) finish(new PeerdError('stopped', 'the call was cancelled'));
        else if (answerBytes > maxAnswerBytes)
          finish(new PeerdError('refused', `the command's answer is over ${maxAnswerBytes} bytes`));
        else if (status === 0) finish();
        else {
          const end = killedBy === null ? `exited with status ${status}` : `was ended by ${killedBy}`;
          finish(new PeerdError('refused', reason.toString('utf8').trim() || `the command ${end}`));
        }
      });
    });
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // All of the group has ended already.
  }
}
