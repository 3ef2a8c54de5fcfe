import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, openWorld, surprises, type World } from '../support/sql.ts';

let world: World;
let people: string[];
let events: string[];

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query('update private.rate_limits set capacity = 10000, per_minute = 10000');
  const { rows } = await world.sql.query<{ id: string }>(
    "select tests.make_user('fan') as id from generate_series(1, 12)",
  );
  people = rows.map(({ id }) => id);
  await world.sql.query('update public.profiles set email_verified_at = now()');
  const owner = await world.make('make_user', 'owner');
  events = [await world.make('make_event', owner), await world.make('make_event', owner)];
});

afterAll(() => world?.close());

describe('what people want', () => {
  it('is counted once by many readers at once, and right', async () => {
    const acts: Act[] = people.flatMap((user, i) => [
      { user, text: 'public.set_event_favourite($1, true)', args: [events[i % 2]] },
      { user, text: 'public.set_event_favourite($1, $2)', args: [events[0], i % 3 === 0] },
      { user, text: '(select count(*)::int from public.trending_events())', args: [] },
    ]);
    for (let round = 0; round < 2; round++) expect(surprises(await allAtOnce(acts))).toEqual([]);
    await world.sql.query('select private.count_interests()');
    const { rows } = await world.sql.query<{ uncounted: number; off: number }>(`
      select (select count(*)::int from private.event_interests where weight <> counted) as uncounted,
        max(abs(extract(epoch from t.sum_at - w.sum_at)))::float8 as off
      from (select event_id, private.trend_of(array_agg(at), array_agg(weight)) as sum_at from private.event_interests where weight > 0 group by 1) w
      full join private.event_trends t using (event_id)`);
    expect(rows[0]?.uncounted).toBe(0);
    expect(rows[0]?.off).toBeLessThan(0.01);
  });
});
