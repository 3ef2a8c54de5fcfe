// The comment of a command is the one place that lists its errors; SDK and docs/api.md take them from there. This
// lint keeps the lists true: it follows the code from each command to what raises an error.
import pg from 'pg';
import { type Command, commonErrors, readCommands } from '../../sdk/scripts/commands.ts';
import { readRaised } from '../../sdk/scripts/raised.ts';

export interface CommandProblem {
  command: string;
  problem: string;
}

/** What is wrong with the comment of one command, given what it can raise. */
export function commandProblems(
  { errors, problem }: Command,
  raised: { certain: ReadonlySet<string>; possible: ReadonlySet<string> },
  known: ReadonlySet<string>,
): string[] {
  if (problem) return [problem];
  const listed = errors.map(({ code }) => code);
  const problems = listed.flatMap((code, i) => {
    if (!known.has(code)) return [`lists ${code}, which is not in private.error_codes`];
    if (listed.indexOf(code) !== i) return [`lists ${code} twice`];
    if (commonErrors.includes(code)) return [`lists ${code}, which every command may answer`];
    return raised.possible.has(code) ? [] : [`lists ${code}, which nothing it calls raises`];
  });
  const missing = [...raised.certain].filter(
    (code) => !listed.includes(code) && !commonErrors.includes(code),
  );
  return [...problems, ...missing.map((code) => `can raise ${code} and does not list it`)];
}

/** Everything that is wrong with the comments of the commands in a database. */
export async function checkCommands(url: string): Promise<CommandProblem[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const raised = await readRaised(client);
    const nothing = { certain: new Set<string>(), possible: new Set<string>() };
    return (await readCommands(client)).flatMap((command) =>
      commandProblems(command, raised.functions.get(`public.${command.name}`) ?? nothing, raised.codes).map(
        (problem) => ({ command: command.name, problem }),
      ),
    );
  } finally {
    await client.end();
  }
}
