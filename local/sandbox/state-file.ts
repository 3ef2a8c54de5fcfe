import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What one provider of the sandbox remembers over restarts: one JSON file, or nothing without a folder. */
export class StateFile<State> {
  readonly #file: string | null;

  constructor(folder: string | undefined, provider: string) {
    this.#file = folder === undefined ? null : join(folder, `${provider}.json`);
    if (folder !== undefined) mkdirSync(folder, { recursive: true });
  }

  load(): State | null {
    if (this.#file === null) return null;
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as State;
    } catch {
      return null;
    }
  }

  /** Writes a new file and renames it, so that a killed process leaves a complete file. */
  save(state: State): void {
    if (this.#file === null) return;
    writeFileSync(`${this.#file}.new`, JSON.stringify(state));
    renameSync(`${this.#file}.new`, this.#file);
  }
}
