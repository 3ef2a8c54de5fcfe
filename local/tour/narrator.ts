import type { Result } from '../../sdk/src/index.ts';

/** Prints the tour: chapters, their calls with times, and the results. */
export class Narrator {
  readonly #write: (text: string) => void;
  readonly #writeLive: (text: string) => void;
  #chapter = 0;
  #live = '';
  #said = '';
  #liveAt = Number.NEGATIVE_INFINITY;
  readonly #isTerminal: boolean;
  readonly began = performance.now();

  constructor(
    write: (text: string) => void = (text) => process.stdout.write(text),
    isTerminal = process.stdout.isTTY === true,
  ) {
    this.#isTerminal = isTerminal;
    this.#write = (text) => {
      // a line that changed in its place stays as it is now
      if (this.#live !== '') write('\n');
      this.#live = '';
      write(text);
    };
    this.#writeLive = write;
  }

  chapter(title: string): void {
    this.#chapter += 1;
    this.#write(`\n${this.#chapter}. ${title}\n`);
  }

  say(text: string): void {
    this.#write(`   ${text}\n`);
  }

  /** Says what goes on, again and again: in one line of a terminal, and elsewhere every few seconds. */
  live(text: string): void {
    if (this.#isTerminal) {
      this.#writeLive(`\r   ${text.padEnd(this.#live.length)}`);
      this.#live = text;
    } else if (text !== this.#said && performance.now() - this.#liveAt > 3000) {
      this.#liveAt = performance.now();
      this.#said = text;
      this.say(text);
    }
  }

  /** Runs one call of the SDK and prints it as a reader would write it. Ends the tour when the call fails. */
  async call<T>(code: string, work: () => Promise<Result<T>>): Promise<T> {
    const began = performance.now();
    const { data, error } = await work();
    const time = `${Math.round(performance.now() - began)} ms`;
    if (error) {
      this.#write(`   ✗ ${code}  ${time}\n     ${error.code}: ${error.message}\n`);
      throw error;
    }
    this.#write(`   › ${code.padEnd(64)} ${time.padStart(8)}\n`);
    return data;
  }

  /** Runs a call that must be refused with this code. */
  async refused(code: string, expected: string, work: () => Promise<Result<unknown>>): Promise<void> {
    const began = performance.now();
    const { error } = await work();
    const time = `${Math.round(performance.now() - began)} ms`;
    this.check(
      error?.code === expected,
      `${code} should be refused with ${expected}, got ${error?.code ?? 'success'}`,
    );
    this.#write(
      `   › ${code.padEnd(64)} ${time.padStart(8)}\n     refused: ${expected} (${error?.message})\n`,
    );
  }

  /** Waits until something has happened elsewhere. The limit ends what hangs; how long it may take is no part of the story. */
  async wait<T>(
    what: string,
    look: () => Promise<T | null | undefined | false>,
    timeoutMs = 300_000,
  ): Promise<T> {
    const began = performance.now();
    for (;;) {
      const seen = await look();
      if (seen) {
        this.#write(`   ✓ ${what.padEnd(64)} ${`${Math.round(performance.now() - began)} ms`.padStart(8)}\n`);
        return seen;
      }
      if (performance.now() - began > timeoutMs)
        throw new Error(`${what}: not seen within ${timeoutMs / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  check(holds: boolean, problem: string): asserts holds {
    if (!holds) throw new Error(problem);
  }
}

/** 4814400 → "4.814.400 VND". */
export function money(amount: number, currency = 'VND'): string {
  return `${amount.toLocaleString('de-DE')} ${currency}`;
}
