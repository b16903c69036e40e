import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { PeerdError } from '@peerd/protocol';

/** Bytes of a command's standard error that become the reason of a refusal: the last ones say what happened. */
const maxReasonBytes = 2_048;

/** Bytes of an answer; the daemon's own limit comes on top of this. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** Time for a command to end by itself once it was told to, before it is killed. */
const killAfterMs = 1_000;

/** Time to read what is left in the pipes of a command that has ended: what has left its group may hold them open for ever. */
const drainMs = 1_000;

/** Environment variables of one run. */
export type CommandVariables = Readonly<Record<`PEERD_${string}`, string>>;

/** The command ran, and did not exit with 0. The message is for the peer that asked. */
export class CommandFailure extends PeerdError {
  /** For the person at this side: how the command ended, and the last that it wrote on standard error. */
  readonly summary: string;

  constructor(end: string, stderr: string) {
    super('refused', stderr || `the command ${end}`);
    const lastLine = stderr.slice(stderr.lastIndexOf('\n') + 1);
    this.summary = `the command ${end}${lastLine && `: ${lastLine}`}`;
  }
}

/** Runs one shell command for each request, each in a process group of its own, so that all of it can be ended. */
export class CommandRunner {
  readonly #command: string;
  readonly #maxRunning: number;
  readonly #children = new Set<ChildProcess>();
  #running = 0;
  readonly #waiting = new Set<() => void>();

  /** At most `maxRunning` commands run at a time; further requests wait. */
  constructor(command: string, maxRunning: number) {
    this.#command = command;
    this.#maxRunning = maxRunning;
    // However this program ends, short of being killed: no command outlives it.
    process.once('exit', () => {
      for (const child of this.#children) killGroup(child, 'SIGKILL');
    });
  }

  /**
   * The standard output of the command, run with these variables beside this program's own. Fails with `refused` when
   * it does not exit with 0, and with the signal's reason.
   */
  async run(payload: Uint8Array, variables: CommandVariables, signal: AbortSignal): Promise<Uint8Array> {
    while (this.#running >= this.#maxRunning) await this.#turn(signal);
    signal.throwIfAborted();
    this.#running += 1;
    try {
      return await this.#spawn(payload, variables, signal);
    } finally {
      this.#running -= 1;
      const [first] = this.#waiting;
      first?.();
    }
  }

  /** Resolves when a command has ended; fails when the request that waits for that is cancelled. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', cancel);
        resolve();
      };
      const cancel = () => {
        this.#waiting.delete(wake);
        reject(signal.reason);
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  #spawn(payload: Uint8Array, variables: CommandVariables, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const env = { ...process.env, ...variables };
      const child = spawn(this.#command, {
        shell: true,
        detached: true,
        env,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const answer: Uint8Array[] = [];
      let answerBytes = 0;
      let reason = Buffer.alloc(0);
      let killTimer: NodeJS.Timeout | undefined;
      let drainTimer: NodeJS.Timeout | undefined;
      const cancel = () => {
        killGroup(child, 'SIGTERM');
        killTimer ??= setTimeout(() => killGroup(child, 'SIGKILL'), killAfterMs);
      };
      const finish = (error?: Error) => {
        clearTimeout(killTimer);
        clearTimeout(drainTimer);
        signal.removeEventListener('abort', cancel);
        this.#children.delete(child);
        if (error === undefined) resolve(Buffer.concat(answer, answerBytes));
        else reject(error);
      };
      child.once('error', (cause) =>
        finish(new PeerdError('refused', `the command did not start: ${cause.message}`)),
      );
      // Without a process there may be no pipes either: where no file descriptor is left.
      if (child.pid === undefined) return;
      this.#children.add(child);
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
      child.once('exit', () => {
        // The shell has ended: what it left running would outlive this program, or hold up the answer.
        killGroup(child, 'SIGKILL');
        drainTimer = setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, drainMs);
      });
      child.once('close', (status, killedBy) => {
        if (signal.aborted) finish(PeerdError.from(signal.reason));
        else if (answerBytes > maxAnswerBytes)
          finish(new PeerdError('refused', `the command's answer is over ${maxAnswerBytes} bytes`));
        else if (status === 0) finish();
        else {
          const end = killedBy === null ? `exited with status ${status}` : `was ended by ${killedBy}`;
          finish(new CommandFailure(end, reason.toString('utf8').trim()));
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
