import type { Db } from './db.ts';
import type { HttpDeps } from './http.ts';
import type { Mailer } from './mail/mailer.ts';
import type { Providers } from './payments/index.ts';
import type { TransferProvider } from './payments/transfers.ts';

/** Everything a handler may reach outside itself; each takes what it needs of it. */
export interface Deps {
  http: HttpDeps;
  db: Db;
  providers: Providers;
  mailer: Mailer;
  /** Null when an admin sends transfers by hand. */
  transfers: TransferProvider | null;
  /** Where the functions are reached from outside, and where payers may be sent on to. */
  returns: { functionsUrl: string; allowed: readonly string[] };
  /** Milliseconds since 1970. */
  now(): number;
}
