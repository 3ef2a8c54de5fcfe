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
    if (!actor) throw failures.invalidRequest("headers must have required property 'authorization'");
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
    const issue = parsed.error.issues[0];
    throw failures.invalidRequest(
      `body/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'is not as expected'}`,
    );
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
