/**
 * An error that the person at the terminal can act on: what is wrong, and what to do. Printed without a stack
 * trace.
 */
export class StackError extends Error {
  readonly advice: string;
  constructor(message: string, advice: string) {
    super(message);
    this.name = 'StackError';
    this.advice = advice;
  }
}

/** Prints an error in the most useful way: advice for our own errors, the stack trace for unexpected ones. */
export function printFailure(error: unknown): void {
  if (error instanceof StackError) {
    process.stderr.write(`\n✗ ${error.message}\n  ${error.advice.replaceAll('\n', '\n  ')}\n`);
    return;
  }
  process.stderr.write(`\n✗ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
