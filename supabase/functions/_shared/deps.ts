import type { Db } from './db.ts';
import type { HttpDeps } from './http.ts';
import type { Mailer } from './mail/mailer.ts';
import type { Providers } from './payments/index.ts';

/** Everything a handler may reach outside itself; each takes what it needs of it. */
export interface Deps {
  http: HttpDeps;
  db: Db;
  providers: Providers;
  mailer: Mailer;
  /** Where providers send a payer back, by provider, and where payers may be sent on to. */
  returns: { urls: Record<string, string>; allowed: readonly string[] };
  /** Milliseconds since 1970. */
  now(): number;
}
