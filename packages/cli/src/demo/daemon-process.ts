import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { DaemonInfo } from '@peerd/daemon';
import { PeerdError } from '@peerd/protocol';

/** Bytes of a daemon's standard error that are kept to say why it did not start. */
const maxErrorBytes = 4_096;

/** A daemon in a process of its own, started with the same program as this one. */
export class DaemonProcess {
  readonly info: DaemonInfo;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, info: DaemonInfo) {
    this.#child = child;
    this.info = info;
  }

  /** Resolves when the daemon says that it can be used. */
  static async start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<DaemonProcess> {
    const program = process.argv[1] ?? '';
    const child = spawn(process.execPath, [...process.execArgv, program, 'start', '--json', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C is for the demo: it ends its daemons itself.
      detached: true,
    });
    // However this program ends, short of being killed: no daemon outlives it.
    const killed = () => child.kill('SIGKILL');
    process.once('exit', killed);
    child.once('exit', () => process.off('exit', killed));
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-maxErrorBytes);
    });
    const exited = once(child, 'close').then(([status]) => {
      throw new PeerdError('internal', `a daemon ended with status ${status}: ${errors.trim()}`);
    });
    exited.catch(() => {});
    const line = once(createInterface(child.stdout), 'line').then(([text]) => JSON.parse(text as string));
    try {
      const first = await Promise.race([line, exited]);
      if (first.event !== 'started')
        throw new PeerdError('internal', `a daemon did not start: ${JSON.stringify(first)}`);
      return new DaemonProcess(child, first as DaemonInfo);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Ends the process at once, as `kill -9` does; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
