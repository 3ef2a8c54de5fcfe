import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PricingFacts, priceRental } from '../../supabase/functions/_shared/pricing/index.ts';
import { openWorld, type World } from '../support/sql.ts';

// The database prices a whole search by one statement, and the library prices a quote. Here are listings and periods of
// every kind, and both must say the same, to the unit.

let world: World;
let renter: string;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Zones whose clocks stay, change by an hour or half of one, skip a midnight, or have one twice. */
const zones = [
  'Asia/Ho_Chi_Minh',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'America/Santiago',
  'America/Havana',
  'Atlantic/Azores',
  'Pacific/Auckland',
];
const today = Date.now();
const dayOf = (index: number): string => new Date(today + index * dayMs).toISOString().slice(0, 10);
const price = fc.oneof(
  fc.integer({ min: 1_000, max: 100_000_000 }),
  fc.integer({ min: 300_000, max: 3_000_000 }),
);
const bps = (max: number) => fc.oneof(fc.constant(0), fc.integer({ min: 0, max }));

const anyListing = fc
  .record({
    time_zone: fc.oneof(fc.constant('Asia/Ho_Chi_Minh'), fc.constantFrom(...zones)),
    price_per_day: price,
    // hours that are dearer than a day, cheaper, and as good as equal
    hour: fc.oneof(
      price.map((amount) => () => amount),
      fc.integer({ min: -2, max: 2 }).map((more) => (day: number) => Math.round(day / 24) + more),
      fc.double({ min: 0.5, max: 3, noNaN: true }).map((of) => (day: number) => Math.round((day / 24) * of)),
    ),
    weekend_bps: bps(10_000),
    long_stay_days: fc.integer({ min: 2, max: 30 }),
    long_stay_discount_bps: bps(9_000),
    security_deposit: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200_000_000 })),
    days: fc.oneof(
      fc.constant([]),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 450 }).map(dayOf), price), { maxLength: 200 }),
    ),
    weekdays: fc.oneof(
      fc.constant([]),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), price), { maxLength: 4 }),
    ),
  })
  .map(({ hour, ...rest }) => ({
    ...rest,
    price_per_hour: Math.min(100_000_000, Math.max(1_000, hour(rest.price_per_day))),
  }));

const anyPeriod = fc
  .record({
    start: fc.integer({ min: today + 2 * hourMs, max: today + 364 * dayMs }),
    length: fc.oneof(
      fc.integer({ min: hourMs, max: 4 * dayMs }),
      fc.integer({ min: 1, max: 90 * 24 }).map((hours) => hours * hourMs),
    ),
  })
  .map(
    ({ start, length }) => [new Date(start).toISOString(), new Date(start + length).toISOString()] as const,
  );

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query('update private.rate_limits set capacity = 1000000, per_minute = 1000000');
  renter = await world.make('make_renter', 'renter');
});
afterAll(() => world?.close());

interface Hit {
  vehicle_id: string;
  total_amount: number;
  deposit_amount: number;
  cursor: object;
}

async function walk(period: readonly [string, string], pageSize: number): Promise<Hit[]> {
  const hits: Hit[] = [];
  for (;;) {
    const { rows } = await world.sql.query<{ hit: Hit }>(
      `select s as hit from public.search_vehicles(lat => 3.5, lng => 98.5, radius_m => 20000, starts_at => $1, ends_at => $2,
         sort => 'total', page_size => $3, after => $4) s`,
      [...period, pageSize, hits.at(-1)?.cursor ?? null],
    );
    hits.push(...rows.map(({ hit }) => hit));
    if (rows.length < pageSize) return hits;
  }
}

describe('the totals of a search', () => {
  it('are those of the quotes, for thousands of listings and periods, and sort them', {
    timeout: 120_000,
  }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const listings = fc.sample(anyListing, { numRuns: 200, seed });
    const periods = fc.sample(anyPeriod, { numRuns: 12, seed });
    const host = await world.make('make_user', 'host');
    await world.sql.query(
      `with listed as materialized (
         select l, tests.make_vehicle($1, (l - '{days,weekdays}'::text[]) || jsonb_build_object('lat', 3.5, 'lng', 98.5, 'max_days', 90)) as id
         from jsonb_array_elements($2::jsonb) l
       ),
       days as (
         insert into private.day_prices (vehicle_id, day, price_per_day)
         select id, (d ->> 0)::date, min((d ->> 1)::bigint) from listed, jsonb_array_elements(l -> 'days') d group by 1, 2
       )
       insert into private.weekday_prices (vehicle_id, weekday, price_per_day)
       select id, (d ->> 0)::int, min((d ->> 1)::bigint) from listed, jsonb_array_elements(l -> 'weekdays') d group by 1, 2`,
      [host, JSON.stringify(listings)],
    );
    let compared = 0;
    for (const period of periods) {
      const hits = await walk(period, 50);
      const { rows } = await world.sql.query<{ id: string; facts: PricingFacts }>(
        `select v.id, private.quote_facts($2, v.id, $3, $4, '{}', null) as facts from public.vehicles v where v.host_id = $1`,
        [host, renter, ...period],
      );
      const quoted = rows.map(({ id, facts }) => {
        const { total_amount, deposit_amount } = priceRental(facts);
        return { vehicle_id: id, total_amount, deposit_amount };
      });
      quoted.sort((a, b) => a.total_amount - b.total_amount || (a.vehicle_id < b.vehicle_id ? -1 : 1));
      expect(
        hits.map(({ vehicle_id, total_amount, deposit_amount }) => ({
          vehicle_id,
          total_amount,
          deposit_amount,
        })),
        `seed ${seed}, from ${period[0]} to ${period[1]}`,
      ).toEqual(quoted);
      compared += hits.length;
    }
    expect(compared).toBe(2_400);
  });

  it('count days as the library does where clocks change', async () => {
    // Sunday, 1 November 2026: Havana has the hour from midnight on twice. 24 April 2026: Cairo has none.
    const { rows } = await world.sql.query<{ zone: string; parts: string }>(
      `select z.zone, string_agg(p.day || ' ' || (p.ms / 3600000.0)::numeric(4,1), ', ' order by p.day) as parts
       from (values ('America/Havana', '2026-10-31 12:00Z'::timestamptz), ('Africa/Cairo', '2026-04-23 12:00Z')) z (zone, starts)
       cross join lateral private.day_parts(z.zone, z.starts, z.starts + interval '40 hours') p group by z.zone order by z.zone`,
    );
    expect(rows.map(({ zone, parts }) => [zone, parts.replaceAll(/\.0+\b/g, '')])).toEqual([
      ['Africa/Cairo', '2026-04-23 10, 2026-04-24 23, 2026-04-25 7'],
      ['America/Havana', '2026-10-31 16, 2026-11-01 24'],
    ]);
  });
});
