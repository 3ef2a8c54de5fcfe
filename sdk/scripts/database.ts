// Reads from a migrated database what apps may read and call, with types. `supabase gen types` knows neither which
// columns an app may read, nor the values a constraint or a registry allows, nor comments.
import type pg from 'pg';

export interface Column {
  name: string;
  /** As PostgreSQL names it, `[]` at the end for an array. */
  type: string;
  nullable: boolean;
  /** Whether a new row may leave it out: it has a default or is generated. */
  hasDefault: boolean;
  /** The only values there can be, by a constraint or by the registry it refers to; null when there are others. */
  values: string[] | null;
  /** The state machine that governs it. */
  machine: string | null;
  comment: string | null;
  /** Which of anon, authenticated and service_role may read it. */
  readers: string[];
}

export interface Table {
  name: string;
  comment: string | null;
  columns: Column[];
}

export interface Argument {
  name: string;
  type: string;
  optional: boolean;
}

/** What a function answers: rows of a table, rows of its own, or a value. */
export type Returns = { many: boolean } & (
  | { table: string }
  | { columns: { name: string; type: string }[] }
  | { type: string }
);

export interface Signature {
  name: string;
  args: Argument[];
  returns: Returns;
}

interface ColumnRow extends Omit<Column, 'values'> {
  table: string;
  table_comment: string | null;
  checks: string[];
  registry: { table: string; column: string } | null;
}

const longestUnion = 40;

/** `CHECK ((kind = ANY (ARRAY['a'::text, 'b'::text])))` or `CHECK ((kind = 'a'::text))`: the values it allows. */
export function valuesOf(check: string, column: string): string[] | null {
  const [, name, list = ''] =
    /^CHECK \(\((\w+) = (?:ANY \(ARRAY\[([^[\]]*)\]\)|'[^']*'::text)\)\)$/.exec(check) ?? [];
  if (name !== column) return null;
  return [...(list === '' ? check : list).matchAll(/'([^']*)'::text/g)].map(([, value = '']) => value);
}

/** The tables of schema public. */
export async function readTables(client: pg.Client): Promise<Table[]> {
  const { rows } = await client.query<ColumnRow>(`
    select c.relname as table, obj_description(c.oid, 'pg_class') as table_comment, a.attname as name,
      format_type(a.atttypid, null) as type, not a.attnotnull as nullable,
      a.atthasdef or a.attgenerated <> '' or a.attidentity <> '' as "hasDefault",
      col_description(c.oid, a.attnum) as comment,
      array(
        select r from unnest(array['anon', 'authenticated', 'service_role']) r
        where has_column_privilege(r, c.oid, a.attnum, 'select')
      ) as readers,
      array(
        select pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint k
        where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
      ) as checks,
      (
        select jsonb_build_object('table', k.confrelid::regclass::text, 'column', f.attname)
        from pg_catalog.pg_constraint k
        join pg_catalog.pg_attribute f on f.attrelid = k.confrelid and f.attnum = k.confkey[1]
        where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum] and f.atttypid = 'text'::regtype
      ) as registry,
      (
        select split_part(encode(t.tgargs, 'escape'), '\\000', 1) from pg_catalog.pg_trigger t
        where t.tgrelid = c.oid and t.tgname in ('transition_on_insert', 'move_on_insert') and a.attname = 'status'
      ) as machine
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
    order by c.relname collate "C", a.attnum`);
  const tables = new Map<string, Table>();
  for (const { table, table_comment, checks, registry, ...column } of rows) {
    let values = checks.map((check) => valuesOf(check, column.name)).find((found) => found !== null) ?? null;
    if (values === null && registry !== null) {
      const found = await client.query<{ value: string }>(
        `select ${registry.column} as value from ${registry.table} order by ${registry.column} collate "C"`,
      );
      // an empty one is filled while the backend runs, and a long one, such as time zones, is no union
      if (found.rows.length > 0 && found.rows.length <= longestUnion)
        values = found.rows.map(({ value }) => value);
    }
    const known = tables.get(table) ?? { name: table, comment: table_comment, columns: [] };
    known.columns.push({ ...column, values });
    tables.set(table, known);
  }
  return [...tables.values()];
}

/** A foreign key between two tables of schema public. */
export interface Reference {
  table: string;
  name: string;
  columns: string[];
  /** Whether at most one row refers to another. */
  isOneToOne: boolean;
  to: string;
  toColumns: string[];
}

/** What can be embedded in a query: the foreign keys of schema public. */
export async function readReferences(client: pg.Client): Promise<Reference[]> {
  const { rows } = await client.query<Reference>(`
    select t.relname as table, k.conname as name, f.relname as to,
      exists (
        select from pg_catalog.pg_index i
        where i.indrelid = k.conrelid and i.indisunique and i.indpred is null and i.indnkeyatts = cardinality(k.conkey)
          and i.indkey::int2[] @> k.conkey
      ) as "isOneToOne",
      (select array_agg(a.attname::text order by c.i) from unnest(k.conkey) with ordinality c (n, i)
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.n) as columns,
      (select array_agg(a.attname::text order by c.i) from unnest(k.confkey) with ordinality c (n, i)
        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = c.n) as "toColumns"
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class t on t.oid = k.conrelid and t.relnamespace = 'public'::regnamespace
    join pg_catalog.pg_class f on f.oid = k.confrelid and f.relnamespace = 'public'::regnamespace
    where k.contype = 'f'
    order by t.relname collate "C", k.conname collate "C"`);
  return rows;
}

/** The functions of schema public, by name. */
export async function readSignatures(client: pg.Client): Promise<Signature[]> {
  const { rows } = await client.query<{
    name: string;
    args: Argument[];
    many: boolean;
    type: string;
    table: string | null;
    columns: { name: string; type: string }[];
  }>(`
    select p.proname as name, p.proretset as many, format_type(r.type, null) as type,
      (select c.relname from pg_catalog.pg_class c where c.reltype = r.type) as table,
      coalesce((
        select jsonb_agg(jsonb_build_object('name', p.proargnames[i], 'type', format_type(p.proargtypes[i - 1], null),
          'optional', i > p.pronargs - p.pronargdefaults) order by i)
        from generate_series(1, p.pronargs) i
      ), '[]') as args,
      coalesce((
        select jsonb_agg(jsonb_build_object('name', p.proargnames[i], 'type', format_type(p.proallargtypes[i], null)) order by i)
        from generate_subscripts(p.proallargtypes, 1) i where p.proargmodes[i] = 't'
      ), '[]') as columns
    from pg_catalog.pg_proc p
    -- a limited command answers as jsonb what its twin answers, or a refusal
    left join pg_catalog.pg_proc twin on twin.pronamespace = 'private'::regnamespace and twin.proname = p.proname
      and twin.proargtypes = p.proargtypes and p.prosrc like '%private.refuse(%'
    cross join lateral (select coalesce(twin.prorettype, p.prorettype) as type) r
    where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
      and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
    order by p.proname collate "C"`);
  return rows.map(({ name, args, many, type, table, columns }) => ({
    name,
    args,
    returns: table ? { many, table } : columns.length > 0 ? { many, columns } : { many, type },
  }));
}
