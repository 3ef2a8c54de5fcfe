/** Where progress is printed. `step` runs something long and prints before and after. */
export interface Log {
  info(text: string): void;
  step<T>(text: string, work: () => Promise<T>): Promise<T>;
}

/** Progress for a terminal or a log file: one line per long step, with its time. */
export function createLog(write: (text: string) => void = (text) => process.stdout.write(text)): Log {
  return {
    info: (text) => write(`${text}\n`),
    async step(text, work) {
      const began = performance.now();
      write(`… ${text}\n`);
      const result = await work();
      write(`✓ ${text} (${((performance.now() - began) / 1000).toFixed(1)} s)\n`);
      return result;
    },
  };
}

export const silentLog: Log = { info: () => {}, step: (_text, work) => work() };
