const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The same JSON with every number in quotes. ZaloPay's ids are 64-bit integers, and a JavaScript number may
 * lose digits. Throws on text that is not JSON.
 */
export function quoteNumbers(json: string): string {
  JSON.parse(json);
  return json.replace(stringOrNumber, (token) => (token.startsWith('"') ? token : `"${token}"`));
}

/** Reads a JSON object; null when the text is none. */
export function readObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/**
 * Reads a JSON object and keeps its numbers as texts, exactly as they were written; null when the text is none.
 */
export function readKeepingDigits(json: string): Record<string, unknown> | null {
  try {
    return readObject(quoteNumbers(json));
  } catch {
    return null;
  }
}

/** A value of such an object as text. Empty for anything but text, true and false. */
export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : '';
}
