import { nowMs } from '../time.ts';

/** The part of a terminal or file stream that the display needs. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A terminal that does not know its width says 0. */
const DEFAULT_COLUMNS = 80;

/**
 * Prints lines that stay, each with the time since the start. On a terminal a block of lines that change is kept
 * below them and redrawn in place; elsewhere that block is not shown, and what changed is printed as a line.
 */
export class Display {
  readonly #output: Output;
  readonly #startMs = nowMs();
  #block: readonly string[] = [];
  #lastSummary = '';

  constructor(output: Output) {
    this.#output = output;
  }

  /** A line that stays. */
  line(text: string): void {
    const seconds = ((nowMs() - this.#startMs) / 1000).toFixed(1).padStart(5);
    this.plain(`${seconds} s  ${text}`);
  }

  /** Text that stays, without the time. */
  plain(text: string): void {
    this.#output.write(`${this.#eraseBlock()}${text}\n${this.#block.map((line) => `${line}\n`).join('')}`);
  }

  /**
   * The state now: `block` in full for a terminal, `summary` as the line to print elsewhere when it differs from the
   * one before.
   */
  state(block: readonly string[], summary: string): void {
    if (this.#output.isTTY === true) {
      const erase = this.#eraseBlock();
      // A line longer than the terminal is wide would be wrapped, and then be two lines to erase.
      const width = (this.#output.columns || DEFAULT_COLUMNS) - 1;
      this.#block = ['', ...block].map((line) => line.slice(0, width));
      this.#output.write(`${erase}${this.#block.map((line) => `${line}\n`).join('')}`);
    } else if (summary !== this.#lastSummary) {
      this.#lastSummary = summary;
      this.line(summary);
    }
  }

  /** Ends the changing block: what it shows stays as it is. */
  end(): void {
    this.#block = [];
  }

  #eraseBlock(): string {
    return this.#block.length === 0 ? '' : `\u001b[${this.#block.length}A\u001b[0J`;
  }
}
