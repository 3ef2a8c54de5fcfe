import type { z } from 'zod';
import type { Caller, CallerKeys } from '../gateway/caller.ts';
import { Body } from './body.ts';
import type { Actor, Database } from './db.ts';
import { failures } from './errors.ts';
import type { Files } from './files.ts';

/** What every operation works with. */
export interface Service {
  db: Database;
  files: Files;
  keys: CallerKeys;
  /** The most bytes an object may have, whatever its bucket says. */
  fileSizeLimit: number;
}

const jsonLimit = 4 * 1024 * 1024;

/** What is wrong with a body, in the words of the platform's validator (ajv). */
function describeIssue(body: unknown, issue: z.core.$ZodIssue | undefined): string {
  if (!issue) return 'body is not as expected';
  const at = (path: PropertyKey[]) => ['body', ...path].join('/');
  const found = issue.path.reduce<unknown>(
    (value, name) => (value as Record<PropertyKey, unknown> | undefined)?.[name],
    body,
  );
  if (found === undefined && issue.path.length > 0) {
    return `${at(issue.path.slice(0, -1))} must have required property '${String(issue.path.at(-1))}'`;
  }
  const where = at(issue.path);
  switch (issue.code) {
    case 'invalid_type':
      return `${where} must be ${issue.expected === 'int' ? 'integer' : issue.expected}`;
    case 'invalid_value':
      return `${where} must be equal to one of the allowed values`;
    case 'too_small':
      return issue.origin === 'array'
        ? `${where} must NOT have fewer than ${issue.minimum} items`
        : `${where} must be >= ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'array'
        ? `${where} must NOT have more than ${issue.maximum} items`
        : `${where} must be <= ${issue.maximum}`;
    default:
      return `${where}: ${issue.message}`;
  }
}

/** One request: what was asked, by whom. */
export class Call {
  readonly method: string;
  /** Without the leading `/storage/v1`, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Body;
  readonly #identify: () => Promise<Caller | null>;

  constructor(
    request: Request,
    path: string,
    query: URLSearchParams,
    identify: () => Promise<Caller | null>,
  ) {
    this.method = request.method;
    this.path = path;
    this.query = query;
    this.headers = request.headers;
    this.body = new Body(request.body);
    this.#identify = identify;
  }

  /** The caller, as the database sees it; null when the request has no credential. */
  async visitor(operation: string): Promise<Actor | null> {
    const caller = await this.#identify();
    return caller && this.#actor(caller, operation);
  }

  /** The caller, as the database sees it. Refuses a request without a credential. */
  async actor(operation: string): Promise<Actor> {
    const actor = await this.visitor(operation);
    // The platform's gateway passes an empty token on, and the storage refuses it as any that is no token.
    if (!actor) throw failures.accessDenied('Invalid Compact JWS');
    return actor;
  }

  /** The service itself, for what the address alone allows: public files and signed addresses. */
  service(operation: string): Actor {
    return this.#actor({ role: 'service_role', claims: { role: 'service_role' } }, operation);
  }

  async json<T>(schema: z.ZodType<T>): Promise<T> {
    const text = await this.body.text(jsonLimit);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw failures.invalidRequest('The body is not valid JSON');
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw failures.invalidRequest(describeIssue(value, parsed.error.issues[0]));
  }

  #actor(caller: Caller, operation: string): Actor {
    return {
      role: caller.role,
      claims: caller.claims,
      operation,
      method: this.method,
      path: this.path,
      headers: Object.fromEntries(this.headers),
    };
  }
}
