import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkBenchData } from '../../bench/fits.ts';
import { areDocsFresh } from '../../docs/generate.ts';
import { supabaseCli } from '../cluster/migrate.ts';
import { projectRoot } from '../config.ts';
import { printFailure, StackError } from '../errors.ts';
import { checkBroadcasts } from '../lints/broadcasts.ts';
import { checkCommands } from '../lints/commands.ts';
import { checkCoverage } from '../lints/coverage.ts';
import { checkModules } from '../lints/modules.ts';
import { lintMigrations } from '../lints/sql.ts';
import { lintTests } from '../lints/tests.ts';
import { createLog } from '../log.ts';
import { type CommandResult, run } from '../process.ts';
import { staleTypes, withScratchDatabase } from './types.ts';

interface Step {
  name: string;
  work(): Promise<void>;
}

function refuse(what: string, result: CommandResult): void {
  if (result.status !== 0) throw new StackError(what, `${result.stdout}\n${result.stderr}`.trim());
}

function refuseProblems(problems: readonly unknown[]): void {
  if (problems.length === 0) return;
  throw new StackError(`${problems.length} found.`, problems.map((one) => JSON.stringify(one)).join('\n'));
}

function tool(name: string, args: string[]): Promise<CommandResult> {
  return run(join(projectRoot, 'node_modules', '.bin', name), args, { cwd: projectRoot });
}

function functionEntries(): string[] {
  const folder = join(projectRoot, 'supabase', 'functions');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name, 'index.ts'))
    .filter((file) => existsSync(file));
}

async function checkFunctions(): Promise<void> {
  const entries = functionEntries();
  if (entries.length === 0) return;
  const map = join(projectRoot, 'supabase', 'functions', 'deno.json');
  const args = [
    'check',
    '--no-remote',
    '--no-lock',
    '--node-modules-dir=manual',
    `--config=${map}`,
    ...entries,
  ];
  refuse('The edge functions do not type-check under deno.', await tool('deno', args));
}

/** The steps that need no database. A new step is one more entry. */
const sourceSteps: Step[] = [
  {
    name: 'types (tsc)',
    work: async () => refuse('Type errors.', await tool('tsc', ['-p', 'tsconfig.json'])),
  },
  {
    name: 'lint and format (biome)',
    work: async () =>
      refuse('Run: npx biome check --write', await tool('biome', ['check', '--error-on-warnings'])),
  },
  { name: 'edge functions (deno check)', work: checkFunctions },
  {
    name: 'rules for migrations',
    work: async () => refuseProblems(lintMigrations(join(projectRoot, 'supabase', 'migrations'))),
  },
  { name: 'rules for tests', work: async () => refuseProblems(lintTests(projectRoot)) },
  {
    name: 'directions between modules',
    work: async () => refuseProblems(checkModules(join(projectRoot, 'supabase', 'migrations'))),
  },
  { name: 'coverage tables', work: async () => refuseProblems(checkCoverage(projectRoot)) },
];

/** The steps on a database that is made from the migrations alone. A new step is one more entry. */
const databaseSteps: { name: string; work(url: string): Promise<void> }[] = [
  {
    name: 'plpgsql (supabase db lint)',
    work: async (url) => {
      const schemas = '--schema=public,private';
      const args = ['db', 'lint', schemas, '--level', 'warning', '--fail-on', 'warning', `--remote=${url}`];
      refuse('supabase db lint found something.', await supabaseCli(args));
    },
  },
  {
    name: 'security and performance (supabase db advisors)',
    work: async (url) => {
      const args = ['db', 'advisors', '--level', 'warn', '--fail-on', 'warn', `--remote=${url}`];
      refuse('supabase db advisors found something.', await supabaseCli(args));
    },
  },
  {
    name: 'generated pages',
    work: async (url) => {
      if (await areDocsFresh(url)) return;
      throw new StackError(
        'A generated page in docs/ is not what the migrations and the coverage tables say.',
        'Run: npm run docs',
      );
    },
  },
  {
    name: 'commands and their errors',
    work: async (url) => refuseProblems(await checkCommands(url)),
  },
  {
    name: 'live events',
    work: async (url) => refuseProblems(await checkBroadcasts(url)),
  },
  {
    name: 'data of the benches',
    work: async (url) => refuseProblems(await checkBenchData(url)),
  },
  {
    name: 'generated types',
    work: async (url) => {
      const stale = await staleTypes(url);
      if (stale.length === 0) return;
      throw new StackError(`Not what the migrations say: ${stale.join(', ')}`, 'Run: npm run types');
    },
  },
];

/** `npm run check`: every step runs, also after one has failed, so that one run reports all problems. */
export async function check(): Promise<number> {
  const log = createLog();
  const failed: string[] = [];
  const attempt = async (name: string, work: () => Promise<void>) => {
    try {
      await log.step(name, work);
    } catch (error) {
      printFailure(error);
      failed.push(name);
    }
  };
  // the two do not need each other, and there are two cores
  await Promise.all([
    (async () => {
      for (const step of sourceSteps) await attempt(step.name, step.work);
    })(),
    attempt('migrations from empty', () =>
      withScratchDatabase(
        log,
        async (url) => {
          for (const step of databaseSteps) await attempt(step.name, () => step.work(url));
        },
        'tests',
      ),
    ),
  ]);
  log.info(failed.length === 0 ? '✓ All checks passed.' : `✗ Failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}
