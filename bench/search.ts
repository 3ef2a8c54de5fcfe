import type { BenchDatabase } from './database.ts';
import { runLoad } from './pgbench.ts';
import { inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';

const identical = `
select count(*) filter (where candidate.ids = plain.ids)::int as same,
       count(*)::int as asked,
       avg(cardinality(plain.ids))::float8 as rows
from bench.queries q
cross join lateral (
  select coalesce(array_agg(s.found ->> 'vehicle_id' order by s.place), '{}') as ids
  from public.search_vehicles(
    lat => q.lat, lng => q.lng, radius_m => 5000, starts_at => q.starts_at, ends_at => q.ends_at,
    kind => q.kind, max_price => q.max_price, page_size => 20
  ) with ordinality s(found, place)
) candidate
cross join lateral (
  select coalesce(array_agg(s.found ->> 'vehicle_id' order by s.place), '{}') as ids
  from bench.plain_search(q.lat, q.lng, 5000, q.starts_at, q.ends_at, q.kind, q.max_price)
  with ordinality s(found, place)
) plain
where q.id <= $1`;

/** Nearby search of the product against the plain query: the same answers first, then throughput. */
export async function benchSearch(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  await database.admin.query(
    "select set_config('request.jwt.claims', json_build_object('role', 'authenticated', 'sub', bench.id('renter', 0))::text, false)",
  );
  const compared = await database.admin.query<{ same: number; asked: number; rows: number }>(identical, [
    effort.queries,
  ]);
  const { same = 0, asked = 0, rows = 0 } = compared.rows[0] ?? {};
  say(`  ${same} of ${asked} queries answer the same rows in the same order (${rows.toFixed(1)} rows each)`);

  const side = (script: string) => async (round: number) => {
    const scripts = ['search-pick', 'prelude', script];
    // Both sides of a round are asked the same questions in the same order.
    const result = await runLoad(database, {
      scripts,
      clients: 4,
      seconds: effort.searchSeconds,
      seed: round,
    });
    return result.perSecond;
  };
  await side('search')(0);
  await side('search-plain')(0);
  const [candidate, baseline] = await inTurns(effort.rounds, side('search'), side('search-plain'), say);
  return [
    measurement('search_vehicles', 'per second', candidate, baseline, { atLeast: 5 }),
    measurement('search_vehicles same answers', 'queries', same, asked, { atLeast: 1 }),
  ];
}
