import type pg from 'pg';

/** A function of schema public or private. */
export interface FunctionSource {
  /** With its schema. */
  name: string;
  body: string;
  /** Its type of result. */
  result?: string;
}

/** A trigger that runs a function when rows of a table are written. */
export interface TriggerOn {
  table: string;
  function: string;
}

interface Found {
  /** Codes it raises itself. */
  raised: Set<string>;
  /** Codes it names in another way, for a caller that raises what it answers. */
  named: Set<string>;
  /** Whether it raises a code that something else decided. */
  raisesAnswer: boolean;
  /** HTTP statuses whose errors it catches. */
  caught: Set<number>;
  calls: Set<string>;
  writes: Set<string>;
}

// What follows from having an idempotency key is in no list.
const implied: ReadonlySet<string> = new Set(['private.begin_command']);

// A function with this result answers also what the functions that it calls answer.
const reason = /\beligibility_reason\b/;

const withoutComments = (body: string): string =>
  body.replaceAll(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, (part) => (part.startsWith("'") ? part : ' '));

/** The first argument of a call whose bracket opens just before `at`. */
function firstArgument(code: string, at: number): string {
  let depth = 1;
  let end = at;
  for (; end < code.length; end += 1) {
    const char = code[end];
    if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    if (depth === 0 || (char === ',' && depth === 1)) break;
  }
  return code.slice(at, end);
}

function look(body: string, codes: ReadonlyMap<string, number>): Found {
  const code = withoutComments(body);
  const literals = (text: string): string[] =>
    [...text.matchAll(/'(\w+)'/g)].map(([, word = '']) => word).filter((word) => codes.has(word));
  const found: Found = {
    raised: new Set(),
    named: new Set(literals(code)),
    raisesAnswer: false,
    caught: new Set(
      [...code.matchAll(/when\s+sqlstate\s+'PT(\d{3})'/gi)].map(([, status]) => Number(status)),
    ),
    calls: new Set([...code.matchAll(/\b((?:private|public)\.\w+)\s*\(/g)].map(([, name = '']) => name)),
    writes: new Set(
      [...code.matchAll(/\b(?:insert\s+into|update|delete\s+from)\s+((?:public|private)\.\w+)/gi)].map(
        ([, table = '']) => table,
      ),
    ),
  };
  for (const match of code.matchAll(/\bprivate\.fail\s*\(/g)) {
    const raised = literals(firstArgument(code, match.index + match[0].length));
    if (raised.length === 0) found.raisesAnswer = true;
    for (const one of raised) found.raised.add(one);
  }
  return found;
}

/**
 * The error codes each function can raise, itself or through what it calls. `certain` leaves out what only triggers
 * raise: of a command that moves something along on the way, their refusal would be a fault and no answer.
 */
export function raisedCodes(
  functions: readonly FunctionSource[],
  triggers: readonly TriggerOn[],
  codes: ReadonlyMap<string, number>,
): Map<string, { certain: Set<string>; possible: Set<string> }> {
  const found = new Map<string, Found>();
  for (const { name, body } of functions) {
    const here = look(body, codes);
    const before = found.get(name);
    if (!before) found.set(name, here);
    else {
      for (const key of ['raised', 'named', 'calls', 'writes'] as const)
        for (const one of here[key]) before[key].add(one);
    }
  }
  const passingOn = functions.filter(({ result }) => reason.test(result ?? ''));
  for (let grown = true; grown; ) {
    grown = false;
    for (const { name } of passingOn) {
      const here = found.get(name);
      for (const called of here?.calls ?? []) {
        const there = found.get(called);
        for (const code of there?.named ?? []) {
          if (here?.named.has(code) || there?.raised.has(code)) continue;
          here?.named.add(code);
          grown = true;
        }
      }
    }
  }
  const collect = (throughTriggers: boolean): Map<string, Set<string>> => {
    const sets = new Map(
      [...found].map(([name, { raised }]) => [name, new Set(implied.has(name) ? [] : raised)]),
    );
    const next = ({ calls, writes }: Found): string[] => [
      ...calls,
      ...triggers
        .filter(({ table }) => throughTriggers && writes.has(table))
        .map((trigger) => trigger.function),
    ];
    for (let before = -1, size = 0; size !== before; ) {
      before = size;
      size = 0;
      for (const [name, here] of found) {
        const set = sets.get(name) ?? new Set();
        for (const called of implied.has(name) ? [] : next(here)) {
          const answered = here.raisesAnswer ? (found.get(called)?.named ?? []) : [];
          for (const code of [...(sets.get(called) ?? []), ...answered]) {
            if (!here.caught.has(codes.get(code) ?? 0)) set.add(code);
          }
        }
        size += set.size;
      }
    }
    return sets;
  };
  const certain = collect(false);
  const possible = collect(true);
  return new Map(
    [...found.keys()].map((name) => [
      name,
      { certain: certain.get(name) ?? new Set(), possible: possible.get(name) ?? new Set() },
    ]),
  );
}

/** What can be raised in a database: by each function, and by the triggers of each table that apps may update. */
export interface Raised {
  codes: ReadonlySet<string>;
  functions: ReadonlyMap<string, { certain: ReadonlySet<string>; possible: ReadonlySet<string> }>;
  updates: ReadonlyMap<string, readonly string[]>;
}

export async function readRaised(client: pg.Client): Promise<Raised> {
  const functions = await client.query<FunctionSource>(`
    select pronamespace::regnamespace || '.' || proname as name, prosrc as body, prorettype::regtype::text as result from pg_catalog.pg_proc
    where pronamespace in ('public'::regnamespace, 'private'::regnamespace)`);
  const triggers = await client.query<TriggerOn>(`
    select c.relnamespace::regnamespace || '.' || c.relname as table,
      p.pronamespace::regnamespace || '.' || p.proname as function
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    join pg_catalog.pg_proc p on p.oid = t.tgfoid
    where not t.tgisinternal`);
  const updatable = await client.query<{ name: string }>(`
    select relname as name from pg_catalog.pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
      and has_any_column_privilege('authenticated', oid, 'update')`);
  const codes = await client.query<{ code: string; status: number }>(
    'select code, status from private.error_codes',
  );
  const status = new Map(codes.rows.map((row) => [row.code, row.status]));
  const raised = raisedCodes(functions.rows, triggers.rows, status);
  const updates = updatable.rows.map(({ name }) => {
    const fired = triggers.rows.filter(({ table }) => table === `public.${name}`);
    return [
      name,
      [...new Set(fired.flatMap((one) => [...(raised.get(one.function)?.possible ?? [])]))].sort(),
    ] as const;
  });
  return { codes: new Set(status.keys()), functions: raised, updates: new Map(updates) };
}
