import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A script as a process of its own, which tells its lines and how it ended. */
export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown[]>;
  #errors = '';

  constructor(script: URL, args: readonly string[]) {
    this.process = spawn(process.execPath, ['--conditions=@peerd/source', fileURLToPath(script), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#ended = once(this.process, 'exit');
    const { stdout, stderr } = this.process;
    stderr?.on('data', (chunk) => {
      this.#errors += chunk;
    });
    this.#lines = createInterface({ input: stdout as NonNullable<typeof stdout> })[Symbol.asyncIterator]();
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the child ended early: ${this.#errors}`);
    return value;
  }

  send(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  /** No signal reaches its handlers; its sockets close without a word of ours. */
  kill(): void {
    this.process.kill('SIGKILL');
  }

  async ended(): Promise<{ code: number | null; signal: string | null; errors: string }> {
    const [code, signal] = (await this.#ended) as [number | null, string | null];
    return { code, signal, errors: this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.kill();
    await this.#ended;
  }
}
