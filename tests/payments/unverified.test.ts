import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allAtOnce, connect, openWorld, tally, type World } from '../support/sql.ts';

const rail = 'vnpay';
let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const record = "public.record_payment_event($1, $2 || gen_random_uuid(), $3, null, 'raw')";

describe('messages without a valid signature', () => {
  it('are stored up to the limit, however many come at once', async () => {
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

  it('delay no signed message', async () => {
    const [flood, genuine] = [await connect(), await connect()];
    try {
      await flood.query('begin');
      await flood.query(`select ${record}`, [rail, 'unverified:', false]);
      await genuine.query("begin; set local lock_timeout = '30s'");
      const { rows } = await genuine.query<{ answer: { is_new: boolean } }>(`select ${record} as answer`, [
        rail,
        'genuine:',
        true,
      ]);
      expect(rows[0]?.answer.is_new).toBe(true);
    } finally {
      await genuine.query('rollback');
      await flood.query('rollback');
      await Promise.all([flood.end(), genuine.end()]);
    }
  });
});
