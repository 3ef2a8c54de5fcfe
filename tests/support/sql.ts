import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { cloneDatabase } from '../../local/cluster/clone.ts';
import { setting } from './setting.ts';

const helpers = fileURLToPath(new URL('../../supabase/tests/helpers.psql', import.meta.url));

/** The people-and-trips helpers of the pgTAP tests, in the schema `tests`. */
export const helpersSql = (): string => readFileSync(helpers, 'utf8');

/** A database of this test file alone, with the demo data and the helpers, which goes when the world is closed. */
export interface World {
  sql: pg.Client;
  /** Calls one helper and gives its value. */
  make<T = string>(helper: string, ...args: unknown[]): Promise<T>;
  /** One value. */
  value<T>(sql: string, ...args: unknown[]): Promise<T>;
  close(): Promise<void>;
}

// One test file has one world, and vitest loads this file anew for each of them.
let databaseUrl = '';
/** Kept from act to act: a new connection would have to compile every function again. */
let idle: pg.Client[] = [];

/** One more connection to the database of the world; who opens it ends it. */
export async function connect(): Promise<pg.Client> {
  if (databaseUrl === '') throw new Error('open a world first');
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  return client;
}

/** The name of the database of the world, for a Data API of the test's own. */
export function worldDatabase(): string {
  return new URL(databaseUrl).pathname.slice(1);
}

export async function openWorld(): Promise<World> {
  const database = await cloneDatabase(setting('ADMIN_DB_URL'));
  databaseUrl = database.url;
  const sql = await connect();
  await sql.query('set client_min_messages = warning');
  await sql.query(helpersSql());
  const value = async <T>(text: string, ...args: unknown[]) => {
    const { rows } = await sql.query<{ value: T }>(`select (${text}) as value`, args);
    return rows[0]?.value as T;
  };
  return {
    sql,
    value,
    make: <T>(helper: string, ...args: unknown[]) =>
      value<T>(`tests.${helper}(${args.map((_, i) => `$${i + 1}`).join(', ')})`, ...args),
    async close() {
      await sql.end();
      await Promise.all(idle.map((client) => client.end()));
      idle = [];
      await database.drop();
    },
  };
}

/**
 * Adds `earn(host, amount)`: a trip of this price (at least 5,000), all of which is the host's, from booking to the end
 * of its claim window.
 */
export async function addEarnings(world: World): Promise<void> {
  await world.sql.query(`
    create function tests.earn(p_host uuid, p_amount bigint)
    returns uuid
    language plpgsql volatile
    as $$
    declare
      v_renter uuid := tests.make_renter('renter');
      v_vehicle uuid := tests.make_vehicle(p_host, '{"lat": -44.5, "lng": 170.5}');
      v_from timestamptz := tests.hours(30);
      v_to timestamptz := tests.hours(31);
      v_booking uuid;
    begin
      v_booking := tests.book(v_renter, (public.store_quote(v_renter, v_vehicle, v_from, v_to, jsonb_build_object(
        'lines', jsonb_build_array(jsonb_build_object('code', 'rental_hours', 'quantity', 1, 'unit_amount', p_amount, 'amount', p_amount)),
        'total_amount', p_amount, 'deposit_amount', 0, 'host_amount', p_amount, 'platform_amount', 0, 'tax_amount', 0, 'version', 'test'
      ), public.quote_facts(v_renter, v_vehicle, v_from, v_to)) ->> 'id')::uuid);
      perform tests.pay(v_booking);
      perform tests.drive(v_booking, -3);
      update public.bookings set claim_until = now() - interval '1 second' where id = v_booking;
      return v_booking;
    end
    $$;`);
}

/** Adds `set_account(user)`: a bank account that may be used already; answers its id. */
export async function addAccounts(world: World): Promise<void> {
  await world.sql.query(`
    create function tests.set_account(p_user uuid)
    returns uuid
    language plpgsql volatile
    as $$
    declare
      v_id uuid;
    begin
      perform tests.step_up(p_user);
      perform set_config('request.jwt.claims', tests.claims(p_user), true);
      v_id := (private.set_bank_account('970436', '0123456789', 'Nguyen Van A', gen_random_uuid())).id;
      perform set_config('request.jwt.claims', '', true);
      update public.bank_accounts set created_at = now() - interval '2 days', usable_from = now() - interval '1 day' where id = v_id;
      return v_id;
    end
    $$;`);
}

/** What one statement came to: its value, or the registry code or SQLSTATE it was refused with. */
export type Outcome = { value: unknown; error: null } | { value: null; error: string };

/** The registry code inside a refusal, or the bare SQLSTATE. */
export function errorCode(error: unknown): string {
  if (!(error instanceof pg.DatabaseError)) throw error;
  if (!error.code?.startsWith('PT')) return `${error.code} ${error.message}`;
  return (JSON.parse(error.detail ?? '{}') as { code: string }).code;
}

/** One statement by one person; nobody means the role that runs migrations, as the service does. */
export interface Act {
  user?: string;
  text: string;
  args?: unknown[];
}

async function perform(client: pg.Client, act: Act, gate: number): Promise<Outcome> {
  await client.query('begin');
  try {
    if (act.user) {
      const claims = JSON.stringify({ sub: act.user, role: 'authenticated', session_id: act.user });
      await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
    }
    await client.query('select pg_advisory_xact_lock_shared($1)', [gate]);
    if (act.user) await client.query('set local role authenticated');
    const { rows } = await client.query<{ value: unknown }>(`select (${act.text}) as value`, act.args);
    await client.query('commit');
    return { value: rows[0]?.value, error: null };
  } catch (error) {
    await client.query('rollback');
    return { value: null, error: errorCode(error) };
  }
}

let nextGate = 1;

/**
 * Performs all acts at once, each in a transaction of its own connection. Everybody waits at one
 * gate in the database, and it opens when the last has arrived.
 */
export async function allAtOnce(acts: Act[]): Promise<Outcome[]> {
  const gate = nextGate++;
  const keeper = idle.pop() ?? (await connect());
  const clients = await Promise.all(acts.map(async () => idle.pop() ?? (await connect())));
  try {
    await keeper.query('select pg_advisory_lock($1)', [gate]);
    const running = acts.map((act, i) => perform(clients[i] as pg.Client, act, gate));
    for (;;) {
      const { rows } = await keeper.query<{ waiting: number }>(
        `select count(*)::int as waiting from pg_locks
         where locktype = 'advisory' and objid = $1 and not granted
           and database = (select oid from pg_database where datname = current_database())`,
        [gate],
      );
      if (rows[0]?.waiting === acts.length) break;
      await delay(2);
    }
    await keeper.query('select pg_advisory_unlock($1)', [gate]);
    return await Promise.all(running);
  } finally {
    idle.push(keeper, ...clients);
  }
}

/** How often each outcome came: `{ ok: 1, vehicle_unavailable: 63 }`. */
export function tally(outcomes: Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { error } of outcomes) counts[error ?? 'ok'] = (counts[error ?? 'ok'] ?? 0) + 1;
  return counts;
}

/** What each act came to, as text: its value, or what it was refused with. */
export const said = (outcomes: Outcome[]): string[] =>
  outcomes.map(({ value, error }) => error ?? String(value));

/** What acts were refused with, without the refusals that are expected. */
export function surprises(outcomes: Outcome[], ...expected: string[]): string[] {
  return outcomes.flatMap(({ error }) => (error === null || expected.includes(error) ? [] : [error]));
}

/** The broken promises of the database. */
export async function invariantViolations(world: World): Promise<unknown[]> {
  return (await world.sql.query('select * from private.check_invariants()')).rows;
}
