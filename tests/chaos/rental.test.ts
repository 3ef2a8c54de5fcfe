import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedOf } from '../support/seed.ts';
import { endSeason, liveSeason, type Season } from './rental.ts';
import { tripCommands } from './rental-commands.ts';
import { buildTown } from './rental-town.ts';
import { type SaleCluster, startSaleCluster } from './sale-cluster.ts';

// 20,000 for the whole run; another CHAOS_SEED draws other commands
const commands = Number(process.env.RENTAL_COMMANDS ?? 600);
const seed = seedOf('CHAOS_SEED');
const isWhole = commands >= 5000;
const size = isWhole ? { people: 50, vehicles: 200 } : { people: 20, vehicles: 40 };
const connections = 16;

let cluster: SaleCluster;
let season: Season;
let failed: string[];

beforeAll(async () => {
  console.log(`rental: seed ${seed}, ${commands} commands, ${connections} connections`);
  const began = performance.now();
  const say = (what: string) =>
    console.log(`rental: ${what} after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  cluster = await startSaleCluster(connections);
  say('the database is there');
  const town = await buildTown(cluster, size.people, size.vehicles);
  say(`${size.people} people and ${size.vehicles} vehicles are there`);
  season = await liveSeason(cluster, town, { commands, connections }, seed);
  say('all commands are given');
  failed = await endSeason(cluster, town);
  say('the season is over');
  const { tally } = season;
  console.log(
    [
      `${tally.get('done')} done, ${tally.get('refused')} refused, ${season.bookings.length} bookings`,
      ...['book', ...Object.keys(tripCommands)].map((name) => `${name}: ${tally.list(`${name}: `)}`),
    ]
      .map((line) => `rental: ${line}`)
      .join('\n'),
  );
}, 3_600_000);

afterAll(async () => {
  await cluster?.stop();
});

describe('a season of rentals by many people at once', () => {
  it('answered everybody with success or with a code that their command may have', () => {
    expect(season.surprises).toEqual([]);
    expect(failed).toEqual([]);
  });

  it('has seen every kind of command succeed', () => {
    const { tally } = season;
    const names = isWhole ? Object.keys(tripCommands) : ['pay', 'travel', 'checkIn', 'acknowledge'];
    expect(names.filter((name) => tally.get(`${name}: done`) === 0)).toEqual([]);
    expect(tally.get('book: done')).toBeGreaterThan(commands / 20);
  });

  it('has no vehicle promised twice, by a count of its own', async () => {
    const overlaps = await cluster.sql(`
      with taken as (
        select id, vehicle_id, tstzrange(starts_at, case when checked_out_at < ends_at then greatest(checked_out_at, starts_at) else ends_at end) as time
        from public.bookings
        where status in ('confirmed', 'in_progress', 'completed') or (status = 'pending_payment' and hold_expires_at > now())
      )
      select a.id, b.id as other, a.time, b.time as other_time
      from taken a join taken b on b.vehicle_id = a.vehicle_id and b.id > a.id and b.time && a.time`);
    expect(overlaps).toEqual([]);
  });

  it('had no vehicle with two renters at once, by the hours of hand-over and return', async () => {
    const together = await cluster.sql(`
      with driven as (
        select id, vehicle_id, tstzrange(checked_in_at, checked_out_at) as time
        from public.bookings where checked_in_at is not null and checked_in_at < coalesce(checked_out_at, 'infinity')
      )
      select a.id, b.id as other from driven a join driven b on b.vehicle_id = a.vehicle_id and b.id > a.id and b.time && a.time`);
    expect(together).toEqual([]);
  });

  it('used no code more often than its limits allow', async () => {
    const over = await cluster.sql(`
      select d.code from public.discounts d
      join public.discount_redemptions r on r.discount_id = d.id and r.status in ('reserved', 'redeemed')
      group by d.id, d.code, d.total_limit having count(*) > d.total_limit`);
    expect(over).toEqual([]);
  });

  it('leaves no invariant broken and no movement of money unexplained', async () => {
    expect(await cluster.sql('select * from private.check_invariants()')).toEqual([]);
    expect(await cluster.sql('select * from private.reconcile_ledger()')).toEqual([]);
  });
});
