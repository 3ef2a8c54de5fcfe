/** A request, as the sandbox's providers see it. */
export interface SandboxRequest {
  method: string;
  url: URL;
  body: string;
  headers: Record<string, string | undefined>;
}

export interface SandboxAnswer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/** The sandbox refused something, with the provider's own error code when it has one. */
export class SandboxError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function asHtml(body: string, status = 200): SandboxAnswer {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    },
    body,
  };
}

export function asJson(body: unknown, status = 200): SandboxAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** Reads a JSON object. An empty text counts as an empty object. */
export function readObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text === '' ? '{}' : text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SandboxError('03', 'the body must be a JSON object');
  }
  return { ...value };
}

/** Reads one of the allowed words. Throws an error that names them. */
export function readChoice<T extends string>(field: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new SandboxError('03', `${field} must be one of ${choices.join(', ')}`);
  return found;
}
