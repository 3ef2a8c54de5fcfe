import { AsyncLocalStorage } from 'node:async_hooks';
import { createPostgresConnection, type PostgresConnection } from '@supabase/lite/postgres';
import { AnsweredFailure, answerable } from './errors.ts';
import { quoteArgumentNames } from './quoted-arguments.ts';
import { survivingReservations } from './reservations.ts';

interface SessionVars {
  auth?: { role?: unknown; uid?: unknown; jwt?: unknown };
}

interface ServedRequest {
  method: string;
  path: string;
  requestHeaders: Record<string, string>;
}

const servedRequest = new AsyncLocalStorage<ServedRequest>();

/** Serves a request of the Data API so that its transactions know it, as those of PostgREST do. */
export function serving<T>(request: Request, serve: () => T): T {
  const path = new URL(request.url).pathname.replace(/^\/rest\/v1/, '');
  return servedRequest.run(
    { method: request.method, path, requestHeaders: Object.fromEntries(request.headers) },
    serve,
  );
}

interface Executor {
  executeQuery(query: object): Promise<unknown>;
}

/** Members that 0.10.0 declares private. Each use says why. */
interface Internals {
  rlsState: 'unknown' | 'active' | 'inactive';
  applyJwtSessionContext(db: Executor, vars: SessionVars, customRole: boolean): Promise<void>;
  applyRpcRequestGucs(): Promise<void>;
}

// A kysely query without importing kysely, which is a dependency of lite and not of ours.
function execute(db: Executor, sql: string, parameters: unknown[]): Promise<unknown> {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] };
  return db.executeQuery({ query, queryId: { queryId: sql }, sql, parameters });
}

/** Asks with parameters, outside any transaction of lite's. */
export async function ask(
  { kysely }: PostgresConnection,
  sql: string,
  parameters: unknown[],
): Promise<{ rows: Record<string, unknown>[] }> {
  return (await execute(kysely, sql, parameters)) as { rows: Record<string, unknown>[] };
}

const roles = new Set(['anon', 'authenticated', 'service_role']);

// What PostgREST does at the start of each transaction. The settings of a role apply at login only, and nobody
// logs in as anon, so they are looked up: first authenticator's, then the role's own.
const beginAs = `
select
  (
    select count(set_config(setting.name, setting.value, true))
    from (
      select split_part(entry, '=', 1) as name, substr(entry, strpos(entry, '=') + 1) as value
      from pg_catalog.pg_db_role_setting s
      join pg_catalog.pg_roles r on r.oid = s.setrole
      cross join unnest(s.setconfig) as entry
      where s.setdatabase = 0
        and r.rolname in ('authenticator', $1)
        and split_part(entry, '=', 1) in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'jit')
      order by r.rolname = $1
    ) as setting
  ),
  set_config('search_path', 'public, extensions', true),
  set_config('request.jwt.claims', $2, true),
  set_config('request.jwt.claim.sub', $3, true),
  set_config('request.jwt.claim.role', $1, true),
  set_config('role', $1, true)`;

const tellRequest = `
select
  set_config('response.status', '', true),
  set_config('response.headers', '', true),
  set_config('request.method', $1, true),
  set_config('request.path', $2, true),
  set_config('request.headers', $3, true)`;

const parseText = (text: string): unknown => JSON.parse(text);

/**
 * PostgREST writes times as JSON does (`2026-11-20T13:52:38+00:00`). lite 0.10.0 passes on PostgreSQL's
 * notation (`2026-11-20 13:52:38+00`), which not every JavaScript engine can read.
 */
export function isoTime(text: string): string {
  return text.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00');
}

/**
 * A JSON value as PostgreSQL reads it: a string is its text, everything else its JSON, as json_populate_record has it.
 * What does not fit the type is then refused by PostgreSQL; the serializers of postgres.js 3.4.9 throw a TypeError.
 */
const asInput = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

const asArrayInput = (value: unknown): string => {
  if (!Array.isArray(value)) return asInput(value);
  const element = (one: unknown): string => {
    if (one === null) return 'null';
    return Array.isArray(one) ? asArrayInput(one) : `"${asInput(one).replaceAll(/[\\"]/g, '\\$&')}"`;
  };
  return `{${value.map(element).join(',')}}`;
};

const timeTypes = {
  timestamp: { to: 1114, from: [1114], parse: isoTime },
  timestamptz: { to: 1184, from: [1184], parse: isoTime },
};

// `@supabase/lite` 0.10.0 passes JSON parameters as text, and its driver would encode that text again.
const jsonTypes = {
  json: { to: 114, from: [114], serialize: asInput, parse: parseText },
  jsonb: { to: 3802, from: [3802], serialize: asInput, parse: parseText },
};

/**
 * When postgres.js 3.4.9 opens a connection, it asks for the types of arrays, and nothing handles the failure
 * of that query: if the connection is lost just then, the process ends. So one connection asks, at the start of
 * the stack, and passes the types to the others. Arrays of a type that is created later are read as text until
 * the next start.
 */
async function connect(
  url: string,
  applicationName: string,
  max: number,
  times: object = {},
  inputs?: (known: object) => Serializers,
): Promise<PostgresConnection> {
  const open = (options: object): PostgresConnection =>
    createPostgresConnection({
      url,
      postgresOptions: {
        max: 1,
        onnotice: () => {},
        types: { ...jsonTypes, ...times },
        connection: { application_name: applicationName },
        ...options,
      },
    });
  const connection = open({ fetch_types: true });
  const { reserve, end, options: known } = connection.driver;
  (await reserve()).release();
  await end();
  const openTold = (onclose: () => void) => {
    const { driver } = open({ fetch_types: false, onclose });
    Object.assign(driver.options.parsers, known.parsers);
    driver.options.serializers = inputs?.(known) ?? known.serializers;
    return driver;
  };
  // all that lite 0.10.0 asks of its driver
  Object.assign(connection.driver, survivingReservations(openTold, max));
  return connection;
}

type Serializers = PostgresConnection['driver']['options']['serializers'];

/** Serializers for values that clients sent as JSON, for every type of the database. */
function jsonInputs(known: object): Serializers {
  const { shared } = known as { shared: { typeArrayMap: Record<number, number> } };
  const arrays = new Set(Object.values(shared.typeArrayMap).map(String));
  return new Proxy<Serializers>(
    {},
    { has: () => true, get: (_all, oid) => (arrays.has(String(oid)) ? asArrayInput : asInput) },
  );
}

/**
 * Lets all who wait for the schema share one reading of it, where lite 0.10.0 lets each read it. A reading during which
 * the schema changed is done again.
 */
function shareIntrospection(connection: PostgresConnection): void {
  const introspect = connection.introspect.bind(connection);
  const clear = connection.clearSchemaCache.bind(connection);
  let changes = 0;
  let reading: ReturnType<typeof introspect> | undefined;
  const readUnchanged: typeof introspect = async (options) => {
    for (;;) {
      const before = changes;
      const schema = await introspect(options);
      if (before === changes) return schema;
      await clear();
    }
  };
  connection.introspect = (options) => {
    if (!options?.useCache) return introspect(options);
    reading ??= readUnchanged(options).finally(() => {
      reading = undefined;
    });
    return reading;
  };
  connection.clearSchemaCache = async () => {
    changes += 1;
    await clear();
  };
}

/**
 * The connection of the Data API. It logs in as superuser, because lite reads the schema through
 * information_schema, which hides what a role may not use. Every request then runs with its own role.
 */
export async function dataApiConnection(adminUrl: string): Promise<PostgresConnection> {
  const connection = await connect(adminUrl, 'journey data api', 12, timeTypes, jsonInputs);
  shareIntrospection(connection);
  const internals = connection as unknown as Internals;
  // DO NOT leave this "unknown": lite 0.10.0 would grant ALL on every table of every schema with row security
  // to everybody.
  internals.rlsState = 'active';
  internals.applyJwtSessionContext = async (db, vars) => {
    const role = String(vars.auth?.role ?? 'anon');
    // As superuser, lite would become any role that a token names.
    if (!roles.has(role)) {
      throw new AnsweredFailure({ code: '42501', message: `permission denied to set role "${role}"` });
    }
    const claims = vars.auth?.jwt ?? { role };
    await execute(db, beginAs, [role, JSON.stringify(claims), String(vars.auth?.uid ?? '')]);
    const asked = servedRequest.getStore();
    if (asked)
      await execute(db, tellRequest, [asked.method, asked.path, JSON.stringify(asked.requestHeaders)]);
  };
  // lite 0.10.0 tells of a request only when it calls a function, and by then it has been told
  internals.applyRpcRequestGucs = async () => {};
  connection.normalizeDbError = answerable;
  connection.kysely = connection.kysely.withPlugin({
    transformQuery: ({ node }) => quoteArgumentNames(node),
    transformResult: async ({ result }) => result,
  });
  return connection;
}

/** The connection of Auth: as on the platform, the owner of its tables and of nothing else. */
export async function authConnection(url: string): Promise<PostgresConnection> {
  const connection = await connect(url, 'journey auth', 6);
  (connection as unknown as Internals).rlsState = 'inactive';
  return connection;
}
