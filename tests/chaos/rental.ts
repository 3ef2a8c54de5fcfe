import { delay } from '../../local/process.ts';
import { Tally } from './payer.ts';
import { createRandom, type Random } from './random.ts';
import {
  type Command,
  fitting,
  type Play,
  type TownCommand,
  type TripCommand,
  townCommands,
  tripCommands,
} from './rental-commands.ts';
import type { Town, Trip } from './rental-town.ts';
import type { Answer, SaleCluster } from './sale-cluster.ts';

/** What happened in a town. */
export interface Season {
  tally: Tally;
  /** Answers that nobody should get. */
  surprises: string[];
  bookings: string[];
}

const townWeights: (readonly [number, TownCommand])[] = [
  [22, 'book'],
  [3, 'block'],
  [2, 'unblock'],
  [3, 'favourite'],
  [1, 'saveSearch'],
  [1, 'forgetSearch'],
  [1, 'search'],
  [4, 'receipt'],
];
const shareOfTown = 0.4;
const anyTripCommand = Object.keys(tripCommands) as TripCommand[];

/** The jobs that move trips and money, as the schedule runs them. */
async function commandsOfJobs({ sql }: SaleCluster): Promise<string[]> {
  const names = [
    'expire',
    'requests',
    'trips',
    'unattended',
    'deposits',
    'charges',
    'extensions',
    'no_shows',
  ];
  names.push('discounts', 'reviews', 'complaints', 'search_alerts');
  const rows = await sql<{ command: string }>(
    'select command from private.jobs where name = any ($1) order by name',
    [names.map((name) => `journey_${name}`)],
  );
  if (rows.length !== names.length) throw new Error('a job is missing');
  // the schedule pays out large sums once a day
  return [...rows.map(({ command }) => command), 'select private.schedule_payouts(1)'];
}

/** Does so many things from so many connections, each fitting for a trip or without one, while the jobs run. */
export async function liveSeason(
  cluster: SaleCluster,
  town: Town,
  size: { commands: number; connections: number },
  seed: number,
): Promise<Season> {
  const season: Season = { tally: new Tally(), surprises: [], bookings: [] };
  const { tally, surprises, bookings } = season;
  let begun = 0;

  const note = (name: string, refusals: readonly string[], answer: Answer): void => {
    tally.add(`${name}: ${answer.error ?? 'done'}`);
    tally.add(answer.error === null ? 'done' : 'refused');
    if (answer.error !== null && !refusals.includes(answer.error))
      surprises.push(`${name}: ${answer.error} ${JSON.stringify(answer.details)}`);
  };

  const chooseTrip = async (random: Random): Promise<Trip | null> => {
    if (bookings.length === 0) return null;
    // mostly what is new; old trips have ended
    const back = Math.floor(bookings.length * random.next() ** 3);
    const id = bookings[bookings.length - 1 - back];
    const [row] = await cluster.sql<{ trip: Trip }>('select tests.view_trip($1) as trip', [id]);
    return row?.trip ?? null;
  };

  const live = async (random: Random): Promise<void> => {
    const play: Play = { cluster, town, random, bookings };
    while (begun < size.commands) {
      begun += 1;
      const trip = random.chance(shareOfTown) ? null : await chooseTrip(random);
      if (trip === null) {
        const name = random.weighted(townWeights);
        note(name, townCommands[name].refusals, await townCommands[name].run(play));
        continue;
      }
      const name = random.chance(0.06) ? random.pick(anyTripCommand) : random.weighted(fitting(trip));
      const command: Command = tripCommands[name];
      note(name, command.refusals, await command.run(play, trip));
    }
  };

  const jobs = await commandsOfJobs(cluster);
  let over = false;
  const runJobs = async (): Promise<void> => {
    for (let i = 0; !over; i += 1) {
      const job = jobs[i % jobs.length] ?? '';
      note(job, [], await cluster.act(null, `(select to_jsonb(j) from (${job}) j)`));
      await delay(50);
    }
  };
  const working = runJobs();
  await Promise.all(Array.from({ length: size.connections }, (_, i) => live(createRandom(seed + i * 7919))));
  over = true;
  await working;
  return season;
}

/** Support decides what waits for somebody, and the jobs run until nothing moves. */
export async function endSeason(cluster: SaleCluster, town: Town): Promise<string[]> {
  const { sql, act } = cluster;
  const jobs = await commandsOfJobs(cluster);
  const failed: string[] = [];
  const each = async (find: string, text: string): Promise<void> => {
    for (const { id } of await sql<{ id: string }>(find)) {
      const { error, details } = await act(town.admin, text, id);
      if (error !== null) failed.push(`${text}: ${error} ${JSON.stringify(details)}`);
    }
  };
  await each(
    `select id from public.complaints where status = 'open' order by id`,
    '(public.assign_complaint($1)).status',
  );
  await each(
    `select id from public.complaints where status = 'in_review' order by id`,
    `(public.reject_complaint($1, 'the season is over')).status`,
  );
  await each(
    `select distinct payable_id as id from private.payable_freezes where ended_at is null and reason = 'a check' order by 1`,
    "public.unfreeze_payable($1, 'a check')",
  );
  await each(
    `select id from public.booking_inspections where status = 'contested' order by id`,
    `(public.decide_inspection($1, false, 'the season is over')).status`,
  );
  for (const job of jobs) await sql(job);
  await each(
    `select id from public.bookings where ends_at < now() - interval '1 hour' and status in ('confirmed', 'in_progress')
       and not exists (select from public.booking_no_shows n where n.booking_id = bookings.id and n.status in ('reported', 'contested'))
       and not exists (select from public.booking_inspections i where i.booking_id = bookings.id and i.status = 'recorded') order by id`,
    `(public.settle_trip($1, 'the season is over', gen_random_uuid())).status`,
  );
  for (const job of jobs) await sql(job);
  // what is to leave is delivered by nobody here; receipts are issued as the function outbox does
  await sql(`
    select public.issue_receipt(o.payload ->> 'kind', (o.payload ->> 'subject_id')::uuid)
    from private.outbox o where o.topic = 'receipt' and o.status = 'pending' order by o.id`);
  await sql(
    `update private.outbox set status = 'done', finished_at = now() where topic = 'receipt' and status = 'pending'`,
  );
  await sql(
    `update private.outbox set available_at = now() where status = 'pending' and available_at < now()`,
  );
  return failed;
}
