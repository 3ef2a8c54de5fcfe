import { readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../local/config.ts';
import { StackError } from '../local/errors.ts';
import { createLog } from '../local/log.ts';
import { benchBrowse } from './browse.ts';
import { benchChat, benchChatReads } from './chat.ts';
import { benchBooking, benchWebhook } from './commands.ts';
import { benchContention } from './contention.ts';
import { countableNames, countInstructions } from './count.ts';
import { type BenchDatabase, type Scale, startDatabase } from './database.ts';
import { benchDerivatives } from './derivatives.ts';
import { benchInvariants } from './invariants.ts';
import { benchLoad } from './load.ts';
import { plot } from './plot.ts';
import { benchRealtime } from './realtime.ts';
import { countTable, type Measurement, machine, type Run, table } from './report.ts';
import { benchRls } from './rls.ts';
import { benchSearch } from './search.ts';
import { benchSignatures } from './signatures.ts';
import { benchTickets } from './tickets.ts';

/** How long to measure. */
export interface Effort {
  scale: Scale;
  /** Turns of candidate and baseline. */
  rounds: number;
  searchSeconds: number;
  /** Requests of each select, as each of the two roles, in a round. */
  rlsRequests: number;
  /** Queries whose answers are compared. */
  queries: number;
  /** Bookings, webhooks or messages of each of 16 connections in a round, and how many come before the measurement. */
  bookings: number;
  bookingWarmUp: number;
  rushes: number;
  /** Bookings that check_invariants() and the selects under row policies look at. */
  promised: number;
  /** Notifications of each payment provider. */
  signatures: number;
  /** Pictures of a round. */
  pictures: number;
  /** Conversations of two people, and how many messages they have when history is read: first and then. */
  conversations: number;
  messages: [number, number];
  /** Clients in one room, and messages to it in a round. */
  room: number;
  roomMessages: number;
}

const full: Effort = {
  scale: { vehicles: 200_000, renters: 10_000 },
  rounds: 5,
  searchSeconds: 6,
  rlsRequests: 400,
  queries: 1000,
  bookings: 320,
  bookingWarmUp: 50,
  rushes: 25,
  promised: 50_000,
  signatures: 1000,
  pictures: 4,
  conversations: 20_000,
  messages: [1_000_000, 10_000_000],
  room: 1000,
  roomMessages: 1000,
};
const quick: Effort = {
  scale: { vehicles: 10_000, renters: 2_000 },
  rounds: 2,
  searchSeconds: 2,
  rlsRequests: 100,
  queries: 100,
  bookings: 60,
  bookingWarmUp: 15,
  rushes: 5,
  promised: 2_000,
  signatures: 100,
  pictures: 1,
  conversations: 2_000,
  messages: [100_000, 400_000],
  room: 200,
  roomMessages: 100,
};

/** These have a database of their own: no vehicle is looked at. */
const tiny: Scale = { vehicles: 100, renters: 100 };
const apart = new Set(['invariants', 'chat', 'chat-reads', 'realtime', 'load', 'tickets']);

type Workload = (
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
) => Promise<Measurement[]>;

const workloads: Record<string, Workload> = {
  search: benchSearch,
  browse: benchBrowse,
  booking: benchBooking,
  contention: benchContention,
  webhook: benchWebhook,
  invariants: benchInvariants,
  rls: benchRls,
  chat: benchChat,
  'chat-reads': benchChatReads,
  realtime: benchRealtime,
  load: benchLoad,
  tickets: benchTickets,
};

/** Those that need no database. */
const offline: Record<string, (effort: Effort) => Promise<Measurement[]>> = {
  signatures: benchSignatures,
  derivatives: benchDerivatives,
};

const usage = `Usage: npm run bench [-- options]

  --json FILE   also write the measurements to FILE
  --quick       less data and shorter rounds: whether it runs, not how fast
  --only NAME   one of ${[...Object.keys(workloads), ...Object.keys(offline)].join(', ')}
  --count NAME  instructions of one transaction of ${countableNames.join(' or ')}, counted by valgrind
  --plot        draw the runs in docs/benchmarks/*.json, and write docs/benchmarks.md; measures nothing
  --strict      exit with 1 when a goal is missed
  --keep        keep the loaded database for the next run of the same day
`;

/**
 * `npm run bench`: loads a database of its own, measures each workload next to its baseline and prints the
 * ratios. The status is 0 also when a goal is missed, unless `--strict` asks otherwise.
 */
export async function runBench(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      count: { type: 'string' },
      plot: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const log = createLog();
  if (values.help) {
    log.info(usage);
    return 0;
  }
  if (values.plot) {
    const folder = join(projectRoot, 'docs', 'benchmarks');
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    plot(
      files.sort().map((name) => join(folder, name)),
      `${folder}.md`,
    );
    return 0;
  }
  if (values.count !== undefined) {
    const scale = apart.has(values.count) ? tiny : quick.scale;
    const database = await startDatabase(scale, values.keep, log);
    try {
      log.info(`\n${countTable(await countInstructions(values.count, database, quick, log))}`);
    } finally {
      await database.close();
    }
    return 0;
  }
  const isChosen = ([name]: [string, unknown]) => (values.only ?? name) === name;
  const chosen = Object.entries(workloads).filter(isChosen);
  const chosenOffline = Object.entries(offline).filter(isChosen);
  if (chosen.length + chosenOffline.length === 0) {
    throw new StackError(`There is no measurement "${values.only}".`, usage);
  }

  const effort = values.quick ? quick : full;
  const where = machine();
  const measurements: Measurement[] = [];
  if (chosen.length > 0) {
    const scale = chosen.every(([name]) => apart.has(name)) ? tiny : effort.scale;
    const database = await startDatabase(scale, values.keep, log);
    try {
      for (const [name, workload] of chosen) {
        measurements.push(...(await log.step(`measure ${name}`, () => workload(database, effort, log.info))));
      }
    } finally {
      await database.close();
    }
  }
  for (const [name, workload] of chosenOffline) {
    measurements.push(...(await log.step(`measure ${name}`, () => workload(effort))));
  }
  log.info(
    `\n${table(measurements)}\n\n${where.machine}, load average ${where.load.toFixed(2)} before the start`,
  );
  if (values.quick) log.info('A quick run: too little data and time for these ratios to mean anything.');
  if (values.json !== undefined) {
    const run: Run = {
      day: new Date().toISOString().slice(0, 10),
      ...where,
      quick: values.quick,
      measurements,
    };
    writeFileSync(resolve(values.json), `${JSON.stringify(run, null, 2)}\n`);
  }
  return values.strict && measurements.some((one) => !one.ok) ? 1 : 0;
}

/** What `local/cli.ts` calls. */
export const main = runBench;
