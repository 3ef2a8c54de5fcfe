import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, openWorld, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

describe('work to share out', () => {
  it('leases no row to two workers', async () => {
    await world.sql.query(
      "select private.enqueue('email', jsonb_build_object('delivery_id', null), 'race ' || n, now() - interval '1 day') from generate_series(1, 200) n",
    );
    const lease: Act = { text: 'select array_agg(l.id) from public.lease_outbox(20, 60) l' };
    const outcomes = await allAtOnce(Array.from({ length: 12 }, () => lease));
    const ids = outcomes.flatMap(({ value }) => (value as string[] | null) ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(200);
  });
});
