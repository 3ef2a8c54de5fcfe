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
  build            the package of the SDK, which npm pack -w sdk packs
  docs | bench     write the reference | measure
  worker           make the pictures of a backend elsewhere   (SUPABASE_URL, SUPABASE_SECRET_KEY)

  node local/cli.ts db <name> [--port N] [--fresh] [--seed]   only a database, with the migrations
  node local/cli.ts db-stop <name> [--remove]
`;

type Command = (args: string[]) => Promise<number>;

const unexpected = (arg: string): StackError => new StackError(`This command takes no "${arg}".`, usage);

/** A command without arguments: `reset --help` must not delete data. */
function bare(work: () => Promise<number>): Command {
  return (args) => {
    if (args[0] !== undefined) throw unexpected(args[0]);
    return work();
  };
}

/** An error of `parseArgs`: the person mistyped and needs no stack trace. */
function isMistyped(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

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
  up: bare(async () => (await import('./commands/background.ts')).up()),
  supervise: bare(async () => (await import('./commands/background.ts')).supervise()),
  down: bare(async () => (await import('./commands/background.ts')).down()),
  reset: bare(async () => (await import('./commands/background.ts')).reset()),
  status: bare(async () => (await import('./commands/background.ts')).status()),
  test: async (args) => (await import('./commands/test.ts')).test(args),
  check: bare(async () => (await import('./commands/check.ts')).check()),
  types: bare(async () => (await import('./commands/types.ts')).types()),
  docs: async (args) => {
    if (args[0]?.startsWith('-')) throw unexpected(args[0]);
    return program('docs/generate.ts')(args);
  },
  bench: program('bench/run.ts'),
  worker: bare(async () => {
    await import('../worker/main.ts');
    return new Promise(() => {});
  }),
  build: bare(() => program('sdk/scripts/build.ts')([])),
  async db(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { port: { type: 'string' }, fresh: { type: 'boolean' }, seed: { type: 'boolean' } },
    });
    const { startScratch } = await import('./cluster/scratch.ts');
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 1024 && port <= 65535)) {
      throw new StackError(`"${values.port}" is not a port between 1024 and 65535.`, usage);
    }
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

// Programs of packages begin with `#!/usr/bin/env node`. They must run on the pinned Node too.
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

// A terminal or pipe that was closed must not end the process before it has stopped what it started.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  process.exitCode = await main();
} catch (error) {
  printFailure(isMistyped(error) ? new StackError(error.message, usage) : error);
  process.exitCode = 1;
}
// A part that did not close a socket must not block the terminal.
process.exit();
