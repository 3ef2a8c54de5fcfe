import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { type Command, readCommands } from '../sdk/scripts/commands.ts';
import { readSignatures, readTables, type Signature, type Table } from '../sdk/scripts/database.ts';
import { type EdgeEndpoint, readEndpoints } from '../sdk/scripts/endpoints.ts';

/** A row policy of a table, for reading. */
export interface Policy {
  table: string;
  name: string;
  roles: string[];
  condition: string;
}

/** An event that is broadcast on a private topic. */
export interface Broadcast {
  topic: string;
  event: string;
  payload: string;
}

/** Everything docs/api.md speaks of. */
export interface Api {
  /** The modules in their order, each with the tables and commands it makes. */
  modules: { name: string; makes: ReadonlySet<string> }[];
  tables: Table[];
  policies: Policy[];
  commands: (Omit<Command, 'args'> & Pick<Signature, 'args' | 'returns'>)[];
  /** The SDK's name for the shape of an answer, by table or function, and the file it stands in. */
  shapes: ReadonlyMap<string, { type: string; file: string }>;
  endpoints: EdgeEndpoint[];
  broadcasts: Broadcast[];
  errors: { code: string; status: number }[];
}

/** Which module makes what in public: the name of a migration begins with its module. */
function readModules(root: string): Api['modules'] {
  const folder = join(root, 'supabase', 'migrations');
  const modules = new Map<string, Set<string>>();
  for (const file of readdirSync(folder).sort()) {
    const module = /^\d+_([a-z]+)/.exec(file)?.[1] ?? '';
    const makes = modules.get(module) ?? new Set<string>();
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, name = ''] of text.matchAll(
      /^create (?:or replace )?(?:function|table|view) public\.(\w+)/gm,
    ))
      makes.add(name);
    modules.set(module, makes);
  }
  return [...modules].map(([name, makes]) => ({ name, makes }));
}

function readShapes(root: string): Api['shapes'] {
  const folder = join(root, 'sdk', 'src');
  const shapes = new Map<string, { type: string; file: string }>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('-rows.ts'))) {
    const declared = /interface Shapes \{([^}]*)\}/.exec(readFileSync(join(folder, file), 'utf8'))?.[1] ?? '';
    for (const [, name = '', type = ''] of declared.matchAll(/(\w+): ([^;]+);/g))
      shapes.set(name, { type, file });
  }
  return shapes;
}

/** Reads the API from a migrated database and from the repository. */
export async function readApi(client: pg.Client, root: string): Promise<Api> {
  const policies = await client.query<Policy>(`
    select tablename as table, policyname as name, roles::text[] as roles, coalesce(qual, '') as condition
    from pg_catalog.pg_policies where schemaname = 'public' and cmd = 'SELECT'
    order by tablename collate "C", policyname collate "C"`);
  const broadcasts = await client.query<Broadcast>(
    'select topic, event, payload from private.broadcasts order by topic collate "C", event collate "C"',
  );
  const errors = await client.query<{ code: string; status: number }>(
    'select code, status from private.error_codes order by code collate "C"',
  );
  const commands = await readCommands(client);
  const signatures = new Map((await readSignatures(client)).map((one) => [one.name, one]));
  const listed = new Map(commands.map((command) => [command.name, command.errors]));
  return {
    modules: readModules(root),
    tables: await readTables(client),
    policies: policies.rows,
    commands: commands.map((command) => ({
      ...command,
      args: signatures.get(command.name)?.args ?? [],
      returns: signatures.get(command.name)?.returns ?? { many: false, type: 'void' },
    })),
    shapes: readShapes(root),
    endpoints: readEndpoints(root, listed),
    broadcasts: broadcasts.rows,
    errors: errors.rows,
  };
}
