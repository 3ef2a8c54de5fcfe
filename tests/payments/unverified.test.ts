import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allAtOnce, databaseUrl, openWorld, tally, type World } from '../support/sql.ts';

// a rail of its own, since the counts are per rail and other tests send what is not signed too
const rail = 'tests_flooded';
let world: World;

async function remove(): Promise<void> {
  await world.sql.query('delete from private.payment_events where provider = $1 and not verified', [rail]);
  await world.sql.query('delete from private.unverified_counts where provider = $1', [rail]);
  await world.sql.query('delete from private.payment_providers where provider = $1', [rail]);
}

beforeAll(async () => {
  world = await openWorld('tests_unverified');
  await remove();
  await world.sql.query(
    `insert into private.payment_providers (provider, min_amount, max_amount, in_parts, refunds_by, can_cancel, enabled)
     values ($1, 1, 2, false, 'transfer', false, false)`,
    [rail],
  );
});
afterAll(async () => {
  await remove();
  await world?.close();
});

const record = "public.record_payment_event($1, $2 || gen_random_uuid(), $3, null, 'raw')";

describe('messages that nobody signed', () => {
  it('are stored up to the number allowed and no further, however many come at once', async () => {
    const allowed = await world.value<number>(
      "(private.setting('unverified_events_per_hour') #>> '{}')::int",
    );
    const room = 12;
    await world.sql.query(
      `insert into private.unverified_counts (provider, hour, received) select $1, h, $2
       from unnest(array[date_trunc('hour', now(), 'UTC'), date_trunc('hour', now(), 'UTC') + interval '1 hour']) h`,
      [rail, allowed - room],
    );
    const act = { text: record, args: [rail, 'unverified:', false] };
    const outcomes = await allAtOnce(Array.from({ length: 40 }, () => act));
    expect(tally(outcomes)).toEqual({ ok: 40 });
    const stored = outcomes.filter(({ value }) => (value as { event_id: number | null }).event_id !== null);
    expect(stored).toHaveLength(room);
    const [kept, received] = await Promise.all([
      world.value<number>('(select count(*)::int from private.payment_events where provider = $1)', rail),
      world.value<number>(
        '(select max(received)::int from private.unverified_counts where provider = $1)',
        rail,
      ),
    ]);
    expect([kept, received]).toEqual([room, allowed - room + 40]);
  });

  it('make none that is signed wait', async () => {
    const flood = new pg.Client({ connectionString: databaseUrl() });
    const genuine = new pg.Client({ connectionString: databaseUrl() });
    await Promise.all([flood.connect(), genuine.connect()]);
    try {
      await flood.query('begin');
      await flood.query(`select ${record}`, [rail, 'unverified:', false]);
      await genuine.query("begin; set local lock_timeout = '1s'");
      const { rows } = await genuine.query<{ answer: { is_new: boolean } }>(`select ${record} as answer`, [
        rail,
        'genuine:',
        true,
      ]);
      expect(rows[0]?.answer.is_new).toBe(true);
    } finally {
      // a verified one would stay for ever
      await genuine.query('rollback');
      await flood.query('rollback');
      await Promise.all([flood.end(), genuine.end()]);
    }
  });
});
