import { PGlite } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist';
import { citext } from '@electric-sql/pglite/contrib/citext';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { pgcrypto } from '@electric-sql/pglite/contrib/pgcrypto';
import { unaccent } from '@electric-sql/pglite/contrib/unaccent';
import { uuid_ossp } from '@electric-sql/pglite/contrib/uuid_ossp';
import { postgis } from '@electric-sql/pglite-postgis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setting } from '../support/setting.ts';
import { helpersSql } from '../support/sql.ts';
import {
  baselineFiles,
  fingerprint,
  migrationFiles,
  schemaSql,
  type Thing,
  withoutMissingExtensions,
} from './replay.ts';

/**
 * A PostgreSQL 18 with baseline and migrations. What differs from a private cluster:
 * - no pg_cron, so its lines are taken out of the baseline; the migrations stay
 *   as they are and must do without pg_cron;
 * - the role it is born with is `postgres`, a superuser, who first becomes `supabase_admin`, so that the
 *   baseline can make a `postgres` that is none.
 */
async function replay(): Promise<PGlite> {
  const db = await PGlite.create({
    extensions: { postgis, btree_gin, btree_gist, pgcrypto, pg_trgm, unaccent, citext, uuid_ossp },
  });
  await db.exec(`
    create role midwife superuser;
    set session authorization midwife;
    alter role postgres rename to supabase_admin;
    set session authorization supabase_admin;
    drop role midwife;
  `);
  for (const { sql } of baselineFiles()) await db.exec(withoutMissingExtensions(sql));
  await db.exec(`
    grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres;
    set session authorization postgres;
    set search_path to "$user", public, extensions;
  `);
  for (const { name, sql } of migrationFiles()) {
    try {
      await db.transaction((tx) => tx.exec(sql).then(() => undefined));
    } catch (error) {
      throw new Error(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  await db.exec(`
    set session authorization supabase_admin;
    revoke supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin from postgres;
    set session authorization postgres;
  `);
  return db;
}

describe('on PostgreSQL 18, from empty', () => {
  let db: PGlite;
  const value = async <T>(text: string, ...args: unknown[]) =>
    (await db.query<{ value: T }>(`select (${text}) as value`, args)).rows[0]?.value as T;

  beforeAll(async () => {
    db = await replay();
    await db.exec(`begin; ${helpersSql()} commit;`);
  });

  afterAll(async () => {
    await db?.close();
  });

  it('is that version, and its postgres is no superuser', async () => {
    expect(await value<string>("current_setting('server_version')")).toMatch(/^18\./);
    expect(await value<boolean>('select rolsuper from pg_roles where rolname = current_user')).toBe(false);
  });

  it('lists, finds, books, pays, drives, returns and keeps every promise', async () => {
    const renter = await value<string>("tests.make_renter('renter')");
    const host = await value<string>("tests.make_user('host')");
    const vehicle = await value<string>('tests.make_vehicle($1)', host);
    const found = await db.query<{ title: string }>(
      "select s ->> 'title' as title from public.search_vehicles(21.03, 105.85, 5000, tests.hours(30), tests.hours(50), query => 'ha noi vios') s",
    );
    expect(found.rows).toEqual([{ title: 'Toyota Vios Hà Nội' }]);
    const booking = await value<string>(
      'tests.make_booking($1, $2, tests.hours(30), tests.hours(50))',
      renter,
      vehicle,
    );
    await expect(
      db.query(
        "insert into public.calendar_entries (vehicle_id, kind, blocked) values ($1, 'external', tstzrange(tests.hours(49), tests.hours(60)))",
        [vehicle],
      ),
    ).rejects.toThrow(/calendar_entries_no_overlap/);
    expect(await value('tests.pay($1)', booking)).toBe('applied');
    await db.query('select tests.move_trip($1, 0)', [booking]);
    expect(await value("tests.inspect('check_in', $1, $2, 10)", renter, booking)).toBe('in_progress');
    expect(await value("tests.inspect('check_out', $1, $2, 20)", renter, booking)).toBe('completed');
    await db.query('select tests.move_trip($1, -30)', [booking]);
    await db.query("update public.bookings set claim_until = now() - interval '1 second' where id = $1", [
      booking,
    ]);
    expect(await value('private.return_due_deposits()')).toBe(1);
    expect(await value('tests.broken_promises()')).toBeNull();
    const { rows } = await db.query<{ seq: number; template: string }>(
      'select seq, template from public.notifications where user_id = $1 order by seq',
      [host],
    );
    expect(rows.slice(0, 5)).toEqual([
      { seq: 1, template: 'vehicle_published' },
      { seq: 2, template: 'booking_confirmed_host' },
      { seq: 3, template: 'check_in_recorded_other' },
      { seq: 4, template: 'booking_checked_in_host' },
      { seq: 5, template: 'check_out_recorded_other' },
    ]);
    // one move tells two things, in no certain order
    expect(rows.slice(5).map(({ seq }) => seq)).toEqual([6, 7]);
    expect(
      rows
        .slice(5)
        .map(({ template }) => template)
        .sort(),
    ).toEqual(['booking_completed_host', 'review_invited']);
  });

  it('lets its jobs run without pg_cron', async () => {
    expect(await value("to_regnamespace('cron') is null")).toBe(true);
    const { rows } = await db.query<{ command: string }>(
      "select command from private.jobs where command like 'select private.%' order by name",
    );
    expect(rows.length).toBeGreaterThan(8);
    for (const { command } of rows) await db.exec(command);
  });

  it('comes out the same a second time', async () => {
    await db.exec('drop schema tests cascade');
    const first = (await db.query<Thing>(schemaSql)).rows;
    const again = await replay();
    const second = (await again.query<Thing>(schemaSql)).rows;
    await again.close();
    expect(first.length).toBeGreaterThan(700);
    expect(second).toEqual(first);
    expect(fingerprint(second)).toBe(fingerprint(first));
  });
});

describe('on a project born open, as before October 2026', () => {
  const admin = new URL(setting('ADMIN_DB_URL'));
  const names = { closed: `replay_closed_${process.pid}`, open: `replay_open_${process.pid}` };
  const connect = async (database: string, user: string) => {
    const url = new URL(admin);
    url.username = user;
    url.pathname = `/${database}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    return client;
  };

  /**
   * A database beside the stack's own, in which pg_cron cannot be (it lives in one database of a cluster):
   * hence the one literal that is replaced. Roles are the cluster's and exist.
   */
  async function build(database: string, bornOpen: boolean): Promise<Thing[]> {
    const keeper = await connect('postgres', 'supabase_admin');
    await keeper.query(`create database ${database} template template0`);
    await keeper.end();
    const superuser = await connect(database, 'supabase_admin');
    for (const { name, sql } of baselineFiles()) {
      if (!name.includes('roles')) await superuser.query(withoutMissingExtensions(sql));
    }
    // Instead of membership in the owners, which would count in the whole cluster while other tests run.
    await superuser.query(
      'alter table storage.objects owner to postgres; alter table realtime.messages owner to postgres',
    );
    if (bornOpen) {
      for (const role of ['postgres', 'supabase_admin']) {
        for (const kind of ['tables', 'sequences', 'functions']) {
          await superuser.query(
            `alter default privileges for role ${role} in schema public grant all on ${kind} to postgres, anon, authenticated, service_role`,
          );
        }
      }
    }
    await superuser.end();
    const owner = await connect(database, 'postgres');
    // Otherwise two closed projects would be compared.
    await owner.query('create table public.probe (id int)');
    const { rows: probes } = await owner.query<{ open: boolean }>(
      "select has_table_privilege('anon', 'public.probe', 'select') as open",
    );
    expect(probes[0]?.open).toBe(bornOpen);
    await owner.query('drop table public.probe');
    for (const { name, sql } of migrationFiles()) {
      try {
        await owner.query(sql.replaceAll("name = 'pg_cron'", "name = 'no such extension'"));
      } catch (error) {
        throw new Error(`${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    const { rows } = await owner.query<Thing>(schemaSql);
    await owner.end();
    return rows;
  }

  afterAll(async () => {
    const keeper = await connect('postgres', 'supabase_admin');
    for (const name of Object.values(names))
      await keeper.query(`drop database if exists ${name} with (force)`);
    await keeper.end();
  });

  it('ends with the same schema and the same grants', async () => {
    const closed = await build(names.closed, false);
    const open = await build(names.open, true);
    expect(closed.filter(({ acl }) => acl?.includes('authenticated'))).not.toHaveLength(0);
    expect(open).toEqual(closed);
  });
});
