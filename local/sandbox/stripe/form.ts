import { invalid } from './refusal.ts';

/** Form-encoded parameters under their written names, such as `line_items[0][quantity]`. */
export class Form {
  readonly #values: URLSearchParams;

  /** Throws on a parameter that is not in `known`. These are patterns of whole names. */
  constructor(text: string, known: readonly RegExp[]) {
    this.#values = new URLSearchParams(text);
    for (const name of this.#values.keys()) {
      if (!known.some((pattern) => pattern.test(name))) {
        throw invalid(name, `Received unknown parameter: ${name}`, 'parameter_unknown');
      }
      if (this.#values.getAll(name).length > 1) throw invalid(name, `Repeated parameter: ${name}`);
    }
  }

  /** Empty and absent are the same. */
  text(name: string): string | null {
    return this.#values.get(name) || null;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === null) throw invalid(name, `Missing required param: ${name}.`, 'parameter_missing');
    return value;
  }

  /** A non-negative whole number. */
  integer(name: string): number {
    const value = this.required(name);
    if (!/^\d{1,15}$/.test(value))
      throw invalid(name, `Invalid integer: ${value}`, 'parameter_invalid_integer');
    return Number(value);
  }

  url(name: string): string {
    const value = this.required(name);
    // {CHECKOUT_SESSION_ID} is written as it is, although an address may not contain it otherwise
    if (!URL.canParse(value.replace('{CHECKOUT_SESSION_ID}', 'x')) || !/^https?:/.test(value)) {
      throw invalid(name, 'Not a valid URL', 'url_invalid');
    }
    return value;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.required(name);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw invalid(name, `Invalid ${name}: must be one of ${choices.join(', ')}`);
    return found;
  }

  /** Keys and values below a name. */
  record(name: string): Record<string, string> {
    const prefix = `${name}[`;
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
    if (found.length > 50) throw invalid(name, 'Metadata can have up to 50 keys.');
    const entries = found.map(([key, value]) => [key.slice(prefix.length, -1), value] as const);
    for (const [key, value] of entries) {
      if (key.length > 40 || value.length > 500) throw invalid(`${prefix}${key}]`, 'Metadata is too long.');
    }
    return Object.fromEntries(entries);
  }
}
