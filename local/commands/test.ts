import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cloneDatabase } from '../cluster/clone.ts';
import { findPostgres } from '../cluster/packages.ts';
import { databaseUrl, loadConfig, projectRoot, type StackConfig } from '../config.ts';
import { stackEnvironment } from '../environment.ts';
import { lockHolder } from '../lock.ts';
import { createLog, type Log } from '../log.ts';
import { run, runVisible } from '../process.ts';
import { alreadyRunning } from '../stack.ts';
import { removeData, stopEverything } from './background.ts';
import { startOrStop, stopSignal } from './start.ts';
import { countTap } from './tap.ts';

interface Count {
  passed: number;
  failed: number;
}

const pgTap = 'supabase/tests';

/** As many as the least machine has cores. */
const pgTapLanes = 2;

/** Runs the pgTAP files whose paths begin with one of these, some side by side, each in a database that no other uses meanwhile. */
async function runPgTap(config: StackConfig, log: Log, wanted: string[]): Promise<Count> {
  const folder = join(projectRoot, pgTap);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql') && wanted.some((path) => `${pgTap}/${name}`.startsWith(path)))
    .sort();
  const install = await findPostgres();
  const total: Count = { passed: 0, failed: 0 };
  if (!install) return total;
  const runOne = async (name: string, url: string): Promise<void> => {
    const result = await run(
      join(install.bin, 'psql'),
      ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f', join(folder, name), url],
      { cwd: folder, env: { ...process.env, PGCLIENTENCODING: 'UTF8' } },
    );
    const count = countTap(result.stdout, result.status);
    total.passed += count.passed;
    total.failed += count.failed;
    log.info(
      `${count.failed === 0 ? '✓' : '✗'} ${pgTap}/${name}: ${count.passed} passed, ${count.failed} failed`,
    );
    if (count.failed === 0) return;
    log.info([...count.problems, result.stderr.trim()].filter((text) => text !== '').join('\n'));
  };
  // No worker and no job takes what a test has written; each file rolls back what it did.
  const runLane = async (): Promise<void> => {
    const database = await cloneDatabase(databaseUrl(config, 'supabase_admin'));
    for (let name = files.shift(); name !== undefined; name = files.shift()) await runOne(name, database.url);
    await database.drop();
  };
  await Promise.all(Array.from({ length: Math.min(pgTapLanes, files.length) }, runLane));
  return total;
}

interface FileResult {
  /** Its path. */
  name: string;
  status: string;
  assertionResults: { status: string }[];
}

// They damage a stack of their own, one after the other, and need a quiet machine.
const chaos = 'tests/chaos';
/** Of all files, so many may fail once. More of them are no accident. */
const runAgain = 2;

/** What each file came to, or null when vitest could not say. */
async function runFiles(config: StackConfig, args: string[]): Promise<FileResult[] | null> {
  const report = join(config.dir, 'vitest.json');
  rmSync(report, { force: true });
  const status = await runVisible(
    join(projectRoot, 'node_modules', '.bin', 'vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args],
    { cwd: projectRoot, env: { ...process.env, ...stackEnvironment(config) } },
  );
  if (!existsSync(report)) return null;
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: FileResult[] };
  return status === 0 || testResults.some((file) => file.status === 'failed') ? testResults : null;
}

function countFiles(files: FileResult[]): Count {
  const total: Count = { passed: 0, failed: 0 };
  for (const file of files) {
    const of = (status: string) => file.assertionResults.filter((one) => one.status === status).length;
    total.passed += of('passed');
    // a file that could not be loaded, or whose preparation failed, has no failed test to count
    total.failed += file.status === 'failed' ? Math.max(of('failed'), 1) : 0;
  }
  return total;
}

/**
 * Runs vitest. With `again`, up to so many files that failed run once more, alone, and count by that: what a race or a kill
 * brings about once in many runs is shown, and judges no commit (docs/decisions/0080).
 */
async function runVitest(config: StackConfig, log: Log, args: string[], again = 0): Promise<Count> {
  const files = await runFiles(config, args);
  if (!files) return { passed: 0, failed: 1 };
  const failed = files.filter((file) => file.status === 'failed');
  if (failed.length === 0 || failed.length > again) return countFiles(files);
  const paths = failed.map(({ name }) => relative(projectRoot, name));
  log.info(`! Failed, and run once more alone: ${paths.join(', ')}`);
  const second = await runFiles(config, ['--no-file-parallelism', ...paths]);
  if (!second || countFiles(second).failed > 0) return countFiles(files);
  log.info(
    `! Passed the second time. Each first failure above is a defect to look into: ${paths.join(', ')}`,
  );
  return countFiles([...files.filter((file) => file.status !== 'failed'), ...second]);
}

/** The chaos tests. Each starts and stops its own stack. What an interrupted run leaves is removed here. */
async function runChaos(config: StackConfig, log: Log): Promise<Count> {
  const own = loadConfig('chaos', { unsafeFast: false });
  const holder = lockHolder(own);
  if (holder) throw alreadyRunning(own, holder.pid, holder.api);
  try {
    // each of its files damages the stack
    return await runVitest(config, log, ['--no-file-parallelism', chaos], runAgain);
  } finally {
    await stopEverything(own);
    await removeData(own);
  }
}

/**
 * `npm test`: a stack of its own with new data, every test, and nothing left. Arguments name files of pgTAP
 * (`supabase/tests/…`) or go to vitest. The chaos tests come last, and with arguments only when they name them.
 */
export async function test(args: string[]): Promise<number> {
  const log = createLog();
  const stopped = stopSignal();
  const config = loadConfig('test');
  const holder = lockHolder(config);
  if (holder) throw alreadyRunning(config, holder.pid, holder.api);
  await stopEverything(config);
  await removeData(config);
  // Tests side by side share one sandbox, and with its limits would wait for each other's questions. Those who test
  // the limits have a sandbox of their own.
  const sandbox = { throttleMs: 0 };
  const stack = await startOrStop(config, stopped, { log, sandbox, template: true, use: 'tests' });
  if (!stack) return 130;
  const total: Count = { passed: 0, failed: 0 };
  const add = (count: Count): void => {
    total.passed += count.passed;
    total.failed += count.failed;
  };
  const named = args.some((arg) => arg.includes('chaos'));
  try {
    const suites: (() => Promise<Count>)[] = [];
    const tap = args.filter((arg) => arg.startsWith(pgTap));
    const others = args.filter((arg) => !tap.includes(arg));
    if (tap.length > 0 || args.length === 0) {
      suites.push(() => runPgTap(config, log, tap.length > 0 ? tap : [pgTap]));
    }
    if (others.length > 0 || args.length === 0) {
      suites.push(() =>
        runVitest(
          config,
          log,
          named ? ['--no-file-parallelism', ...others] : ['--exclude', `${chaos}/**`, ...others],
          args.length === 0 ? runAgain : 0,
        ),
      );
    }
    for (const suite of suites) {
      const count = await Promise.race([suite(), stopped.then(() => null)]);
      if (!count) return 130;
      add(count);
    }
  } finally {
    await stack.stop();
    await removeData(config);
    // Its own test stops it, unless the test was interrupted.
    const outage = loadConfig('outage');
    await stopEverything(outage);
    await removeData(outage);
  }
  if (args.length === 0) {
    const chaosRun = runChaos(config, log);
    const count = await Promise.race([chaosRun, stopped.then(() => null)]);
    if (!count) {
      await stopEverything(loadConfig('chaos'));
      await chaosRun;
      return 130;
    }
    add(count);
  }
  log.info(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}
