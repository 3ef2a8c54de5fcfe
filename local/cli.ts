import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from './config.ts';
import { printFailure, StackError } from './errors.ts';
import { createLog } from './log.ts';

const usage = `Usage: npm run <command>  (or: npm start)

  start            set up, run the tour and stay up until Ctrl-C   (-- --tour-only | --no-tour)
  up | down        the same in the background | stop it
  reset            stop, and start over with new data
  status           what runs, and where
  test             every test, on a stack of its own
  check            types, lint, format, generated files
  types            write the database types of the SDK
  docs | bench     write the reference | measure

  node local/cli.ts db <name> [--port N] [--fresh] [--seed]   only a database, with the migrations
  node local/cli.ts db-stop <name> [--remove]
`;

type Command = (args: string[]) => Promise<number>;

const log = createLog();

/** A command whose program is a file of the project: it exports `main(args)`. */
function program(path: string): Command {
  return async (args) => {
    const { importIfThere } = await import('./optional.ts');
    const module = await importIfThere<{ main(args: string[]): Promise<number> }>(path);
    if (!module)
      throw new StackError(`${path} is not part of this version.`, 'Update the project and try again.');
    return module.main(args);
  };
}

const commands: Record<string, Command> = {
  start: async (args) => (await import('./commands/start.ts')).start(args),
  up: async () => (await import('./commands/background.ts')).up(),
  supervise: async () => (await import('./commands/background.ts')).supervise(),
  down: async () => (await import('./commands/background.ts')).down(),
  reset: async () => (await import('./commands/background.ts')).reset(),
  status: async () => (await import('./commands/background.ts')).status(),
  test: async (args) => (await import('./commands/test.ts')).test(args),
  check: async () => (await import('./commands/check.ts')).check(),
  types: async () => (await import('./commands/types.ts')).types(),
  docs: program('docs/generate.ts'),
  bench: program('bench/run.ts'),
  async db(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { port: { type: 'string' }, fresh: { type: 'boolean' }, seed: { type: 'boolean' } },
    });
    const { startScratch } = await import('./cluster/scratch.ts');
    const port = values.port === undefined ? undefined : Number(values.port);
    const url = await startScratch({ ...values, name: positionals[0] ?? 'scratch', port }, log);
    log.info(url);
    return 0;
  },
  async 'db-stop'(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { remove: { type: 'boolean' } },
    });
    const { stopScratch } = await import('./cluster/scratch.ts');
    await stopScratch(positionals[0] ?? 'scratch', values.remove ?? false, log);
    return 0;
  },
};

// Programs of packages begin with `#!/usr/bin/env node`; they too shall run on the Node that is pinned.
process.env.PATH = `${join(projectRoot, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`;

async function main(): Promise<number> {
  const [name = 'help', ...args] = process.argv.slice(2);
  const command = commands[name];
  if (!command) {
    if (name === 'help' || name === '--help') {
      process.stdout.write(usage);
      return 0;
    }
    throw new StackError(`There is no command "${name}".`, usage);
  }
  return command(args);
}

try {
  process.exitCode = await main();
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
// A part that forgot to let go of a socket must not keep the terminal.
process.exit();
