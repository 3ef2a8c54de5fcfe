import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Expectations, readExpectations } from '../../docs/read-access.ts';
import { loadConfig, projectRoot } from '../../local/config.ts';
import { signToken } from '../../local/gateway/caller.ts';
import { createDataAndAuth, type DataAndAuth } from '../../local/gateway/data-and-auth.ts';
import { openWorld, type World, worldDatabase } from '../support/sql.ts';
import { type Cast, tellStory } from './story.ts';

// A database of its own behind a Data API of its own, so that every row is known. Expectations are data, in the files
// <module>_access.psql; tables, columns and functions come from the catalog, so that a new one fails until it is decided.

type DatabaseRole = 'anon' | 'authenticated' | 'service_role';

interface Reader {
  name: string;
  as: DatabaseRole;
  id: string | null;
  /** The role of user_roles. */
  staff: string | null;
  headers: Record<string, string>;
}

interface Relation {
  name: string;
  columns: string[];
  key: string[];
}

interface Answer {
  status: number;
  /** The code of the registry, or what the Data API or the database calls it. */
  code: string;
  rows: Record<string, unknown>[];
}

const config = loadConfig('test');
let world: World;
let api: DataAndAuth;
let cast: Cast;
let expected: Expectations;
let readers: Reader[];
/** One of each role of the database, and an admin: nobody else differs in what is granted. */
let ofEachRole: Reader[];
let relations: Relation[];
let functions: { name: string; required: string[] }[];

beforeAll(async () => {
  world = await openWorld();
  expected = await readExpectations(world.sql, projectRoot);
  cast = await tellStory(world, expected.samples);
  api = await createDataAndAuth({ ...config, database: worldDatabase() });
  const { publishableKey: apikey, secretKey } = config;
  const person = async (name: keyof Cast, staff: string | null = null): Promise<Reader> => {
    const claims = {
      sub: cast[name],
      role: 'authenticated',
      aud: 'authenticated',
      session_id: crypto.randomUUID(),
    };
    const headers = { apikey, authorization: `Bearer ${await signToken(config, claims, 3600)}` };
    return { name, as: 'authenticated', id: cast[name], staff, headers };
  };
  readers = [
    { name: 'a visitor', as: 'anon', id: null, staff: null, headers: { apikey } },
    await person('stranger'),
    await person('renter'),
    await person('host'),
    await person('support', 'support'),
    await person('admin', 'admin'),
    { name: 'the service', as: 'service_role', id: null, staff: null, headers: { apikey: secretKey } },
  ];
  ofEachRole = readers.filter(({ name }) => ['a visitor', 'host', 'admin', 'the service'].includes(name));
  relations = (
    await world.sql.query<Relation>(`
      select c.relname as name,
        array(select a.attname::text from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
        array(select a.attname::text from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and coalesce(
            (select a.attnum = any (i.indkey) from pg_index i where i.indrelid = c.oid and i.indisprimary), true)
          order by a.attnum) as key
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1`)
  ).rows;
  functions = (
    await world.sql.query<{ name: string; required: string[] }>(`
      select proname::text as name, coalesce(proargnames[1:pronargs - pronargdefaults], '{}') as required
      from pg_proc where pronamespace = 'public'::regnamespace order by 1`)
  ).rows;
});
afterAll(async () => {
  await api?.close();
  await world?.close();
});

function codeOf(body: unknown): string {
  const { code, details } = body as { code: string; details: string | null };
  return code.startsWith('PT') ? (JSON.parse(details ?? '{}') as { code: string }).code : code;
}

async function ask(reader: Reader, method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await api.rest(
    new Request(`http://127.0.0.1/rest/v1/${path}`, {
      method,
      headers: { ...reader.headers, 'content-type': 'application/json', prefer: 'return=representation' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
  const text = await answer.text();
  const content = (text === '' ? null : JSON.parse(text)) as unknown;
  const rows = Array.isArray(content) ? (content as Record<string, unknown>[]) : [];
  return { status: answer.status, code: answer.ok ? '' : codeOf(content), rows };
}

/** What somebody without the right gets. */
const denied = (reader: Reader) => ({ status: reader.as === 'anon' ? 401 : 403, code: '42501' });
const refusal = ({ status, code }: Answer) => ({ status, code });
const rights = (reader: Reader, relation: string): string =>
  expected.access.find((line) => line.relation === relation)?.[reader.as] ?? '';
const may = (reader: Reader, relation: string, verb: string): boolean =>
  new RegExp(`(^| )${verb}(\\(columns\\))?( |$)`).test(rights(reader, relation));

/** The condition of the rows that this reader should see; of a table that the reader may select. */
function rowsFor(reader: Reader, relation: string): string | undefined {
  if (reader.as === 'service_role') return 'true';
  const line = (name: string) =>
    expected.rows.find((one) => one.relation === relation && one.reader === name)?.rows;
  return (reader.staff === null ? undefined : line(reader.staff)) ?? line(reader.as);
}

const callers = (name: string): string[] =>
  expected.callers.find((line) => line.name === name)?.callers.split(' ') ?? [];

/** Calls with nulls, which no command takes: who may call is said before. */
const call = (reader: Reader, { name, required }: { name: string; required: string[] }): Promise<Answer> =>
  ask(reader, 'POST', `rpc/${name}`, Object.fromEntries(required.map((arg) => [arg, null])));

const keyOf = (relation: Relation, row: Record<string, unknown>): string =>
  relation.key.map((column) => String(row[column])).join(' ');

/** The keys of the rows that meet a condition, as the owner of the tables sees them. */
async function keysWhere(relation: Relation, condition: string, me: string | null): Promise<string[]> {
  const { rows } = await world.sql.query<{ key: string }>(
    `select concat_ws(' ', ${relation.key.map((column) => `"${column}"::text`).join(', ')}) as key
     from public."${relation.name}" cross join (select $1::uuid as me) reader where ${condition}`,
    [me],
  );
  return rows.map((row) => row.key).sort();
}

/** Every row of every table of the API, in short. */
async function fingerprints(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { name } of relations) {
    found[name] = await world.value<string>(
      `select md5(coalesce(string_agg(t::text, E'\\n' order by t::text), '')) from public."${name}" t`,
    );
  }
  return found;
}

describe('the policy matrix over the Data API', () => {
  it('has expectations for every table and view, and each of them holds rows to look at', async () => {
    expect(relations.map(({ name }) => name)).toEqual(expected.access.map((line) => line.relation).sort());
    const empty: string[] = [];
    for (const { name } of relations) {
      if (!(await world.value<boolean>(`exists (select from public."${name}")`))) empty.push(name);
    }
    expect(empty, 'add rows to sample_rows in the access file of the module').toEqual([]);
    const undecided = expected.access.flatMap(({ relation, ...roles }) =>
      (['anon', 'authenticated'] as const)
        .filter((as) => roles[as].startsWith('select'))
        .filter((as) => !expected.rows.some((line) => line.relation === relation && line.reader === as))
        .map((as) => `${relation} for ${as}`),
    );
    expect(undecided, 'say in expected_rows which rows they see').toEqual([]);
    const known = (name: string) => relations.some((relation) => relation.name === name);
    const over = [...expected.rows, ...expected.changes, ...expected.samples].filter(
      (line) => !known(line.relation),
    );
    expect(over, 'lines about tables that do not exist').toEqual([]);
    expect(expected.staffCommands.filter(({ name }) => !callers(name).includes('authenticated'))).toEqual([]);
  });

  it('shows each reader exactly the rows that its module says, and refuses the tables that it may not select', async () => {
    const seen = new Map<string, { some: boolean; hidden: boolean }>();
    for (const relation of relations) {
      const all = await keysWhere(relation, 'true', null);
      for (const reader of readers) {
        const cell = `${reader.name} selects ${relation.name}`;
        const answer = await ask(reader, 'GET', `${relation.name}?select=${relation.key.join(',')}`);
        if (!may(reader, relation.name, 'select')) {
          expect(refusal(answer), cell).toEqual(denied(reader));
          continue;
        }
        const condition = rowsFor(reader, relation.name) ?? 'false';
        const wanted = await keysWhere(relation, condition, reader.id);
        expect(wanted.length, `${cell}: one page would not hold them`).toBeLessThan(1000);
        expect(answer.rows.map((row) => keyOf(relation, row)).sort(), cell).toEqual(wanted);
        const line = `${relation.name}: ${condition}`;
        const before = seen.get(line) ?? { some: false, hidden: false };
        seen.set(line, {
          some: before.some || wanted.length > 0 || condition.trim() === 'false',
          hidden: before.hidden || wanted.length < all.length || condition.trim() === 'true',
        });
      }
    }
    const unproven = [...seen].flatMap(([line, { some, hidden }]) => (some && hidden ? [] : [line]));
    expect(unproven, 'the story has no row that is seen, or none that is hidden').toEqual([]);
  });

  it('refuses every insert, update and delete that no module grants, and changes nothing', async () => {
    const before = await fingerprints();
    for (const relation of relations) {
      const [first = ''] = relation.key;
      const [row] = await keysWhere({ ...relation, key: [first] }, 'true', null);
      const one = `${relation.name}?${first}=eq.${row}`;
      for (const reader of ofEachRole) {
        const tries: [verb: string, method: string, path: string, body?: object][] = [
          ['insert', 'POST', relation.name, { [first]: row }],
          ['update', 'PATCH', one, { [first]: row }],
          ['delete', 'DELETE', one],
        ];
        for (const [verb, method, path, body] of tries) {
          const granted = may(reader, relation.name, verb);
          // A right to update is a right to some columns, and the key is not among them.
          if (granted && verb !== 'update')
            throw new Error(`${verb} on ${relation.name}: nothing probes it yet`);
          const answer = await ask(reader, method, path, body);
          expect(refusal(answer), `${reader.name}: ${verb} on ${relation.name}`).toEqual(denied(reader));
        }
      }
    }
    expect(await fingerprints()).toEqual(before);
  });

  it('lets people change the columns that a module lists, in their own rows, and no others', async () => {
    let changed = 0;
    for (const relation of relations) {
      const columns = expected.written.find((line) => line.relation === relation.name)?.written ?? [];
      for (const reader of readers.filter((one) => may(one, relation.name, 'update'))) {
        const rule = expected.changes.find((line) => line.relation === relation.name)?.rows;
        expect(rule, `say in expected_changes which rows of ${relation.name} they change`).toBeDefined();
        const all = `${relation.name}?${relation.key[0]}=not.is.null`;
        for (const column of relation.columns) {
          if (columns.includes(column)) continue;
          const answer = await ask(reader, 'PATCH', all, { [column]: null });
          // A generated column is refused before the right to it is looked at.
          expect(['42501', '428C9'], `${reader.name}: ${relation.name}.${column}`).toContain(answer.code);
        }
        const mine = await keysWhere(relation, rule ?? 'false', reader.id);
        for (const column of columns) {
          const [held] = (
            await world.sql.query<{ value: unknown }>(
              `select "${column}" as value from public."${relation.name}" cross join (select $1::uuid as me) reader where ${rule}`,
              [reader.id],
            )
          ).rows;
          const answer = await ask(reader, 'PATCH', all, { [column]: held?.value ?? null });
          expect(answer.rows.map((row) => keyOf(relation, row)).sort(), `${reader.name}: ${column}`).toEqual(
            mine,
          );
          changed += answer.rows.length;
        }
      }
    }
    expect(changed).toBeGreaterThan(0);
  });

  it('refuses to show, to compare and to sort by a column that is kept back', async () => {
    let kept = 0;
    for (const reader of ofEachRole) {
      for (const relation of relations.filter(({ name }) => may(reader, name, 'select'))) {
        const { rows } = await world.sql.query<{ column: string }>(
          `select a.attname::text as column from pg_attribute a
           where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
             and not has_column_privilege($2, a.attrelid, a.attnum, 'select')`,
          [`public.${relation.name}`, reader.as],
        );
        const [key] = relation.key;
        for (const { column } of rows) {
          const paths = [
            `select=${column}`,
            `select=${key}&${column}=not.is.null`,
            `select=${key}&or=(${column}.is.null,${column}.not.is.null)`,
            `select=${key}&order=${column}.desc`,
            `select=*`,
          ];
          for (const path of paths) {
            kept += 1;
            const answer = await ask(reader, 'GET', `${relation.name}?${path}`);
            expect(refusal(answer), `${reader.name}: ${relation.name}?${path}`).toEqual(denied(reader));
          }
        }
      }
    }
    expect(kept).toBeGreaterThan(50);
  });

  it('refuses every function to the roles that no module lets call it, and changes nothing', async () => {
    expect(functions.map(({ name }) => name)).toEqual(expected.callers.map((line) => line.name).sort());
    const before = await fingerprints();
    for (const one of functions) {
      for (const reader of ofEachRole.filter(({ as }) => !callers(one.name).includes(as))) {
        expect(refusal(await call(reader, one)), `${reader.name} calls ${one.name}`).toEqual(denied(reader));
      }
    }
    expect(await fingerprints()).toEqual(before);
  });

  it('lets everybody else call a function, and lets staff alone call the commands of staff', async () => {
    const askers = readers.filter(({ name }) => name !== 'renter' && name !== 'host');
    const refused: string[] = [];
    for (const one of functions) {
      for (const reader of askers.filter(({ as }) => callers(one.name).includes(as))) {
        const answer = await call(reader, one);
        expect(answer.status, `${reader.name} calls ${one.name}`).toBeLessThan(500);
        expect(answer.code, `${reader.name} calls ${one.name}`).not.toBe('42501');
        if (answer.code === 'forbidden') refused.push(`${one.name}: ${reader.name}`);
      }
    }
    const wanted = expected.staffCommands.flatMap(({ name, roles }) =>
      askers
        .filter(({ as, staff }) => as === 'authenticated' && !roles.includes(staff ?? ''))
        .map((reader) => `${name}: ${reader.name}`),
    );
    expect(refused.sort()).toEqual(wanted.sort());
  });
});
