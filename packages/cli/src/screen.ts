import process from 'node:process';

const csi = '\u001b[';
/** Another page, without a cursor, and lines that end at the edge. */
const enter = `${csi}?1049h${csi}?25l${csi}?7l`;
/** q, Q, Ctrl-C and Ctrl-D: while keys come one by one, no signal does. */
const quits = ['q', 'Q', '\u0003', '\u0004'];

const leave = `${csi}?7h${csi}?25h${csi}?1049l`;

/** The terminal while one page is shown on it again and again. What was on it before comes back at the end. */
export class Screen {
  readonly #onQuit: () => void;
  #isOpen = false;
  readonly #keys = (text: Buffer): void => {
    if (quits.some((key) => text.includes(key))) this.#onQuit();
  };
  readonly #restore = (): void => this.close();

  /** `onQuit` is called when q, Ctrl-C or Ctrl-D is typed. */
  constructor(onQuit: () => void) {
    this.#onQuit = onQuit;
  }

  /** Shows as many lines as there is room for. */
  show(lines: readonly string[]): void {
    if (!this.#isOpen) this.#open();
    const rows = process.stdout.rows || 24;
    const room =
      lines.length > rows ? [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`] : lines;
    // What was there goes before each line is written: after a line that ends at the edge it would take its last character.
    const last = room.length - 1;
    const page = room.map((line, index) => `${csi}${index === last ? 'J' : 'K'}${line}`);
    process.stdout.write(`${csi}H${page.join('\n')}`);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#restore);
    process.stdin.off('data', this.#keys);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdout.write(leave);
  }

  #open(): void {
    this.#isOpen = true;
    process.once('exit', this.#restore);
    process.stdout.write(enter);
    if (!process.stdin.isTTY) return;
    process.stdin.setRawMode(true);
    process.stdin.on('data', this.#keys);
  }
}
