/** A failure the person at the terminal can act on: what is wrong, and what to do. Printed without a stack. */
export class StackError extends Error {
  readonly advice: string;
  constructor(message: string, advice: string) {
    super(message);
    this.name = 'StackError';
    this.advice = advice;
  }
}

/** Prints a failure the way it is most useful: advice for ours, the stack for what nobody expected. */
export function printFailure(error: unknown): void {
  if (error instanceof StackError) {
    process.stderr.write(`\n✗ ${error.message}\n  ${error.advice.replaceAll('\n', '\n  ')}\n`);
    return;
  }
  process.stderr.write(`\n✗ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
