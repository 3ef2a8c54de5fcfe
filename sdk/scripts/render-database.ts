import { type Command, isForApps } from './commands.ts';
import type { Argument, Column, Reference, Returns, Signature, Table } from './database.ts';

const plainTypes: Record<string, string> = {
  uuid: 'Uuid',
  text: 'string',
  date: 'CalendarDay',
  'timestamp with time zone': 'Timestamp',
  tstzrange: 'TimestampRange',
  boolean: 'boolean',
  integer: 'number',
  bigint: 'number',
  smallint: 'number',
  numeric: 'number',
  'double precision': 'number',
  int8multirange: 'string',
  tstzmultirange: 'string',
  xid8: 'string',
  jsonb: 'unknown',
};
const values = ['CalendarDay', 'Currency', 'Timestamp', 'TimestampRange', 'Uuid'];

/** The TypeScript type of a PostgreSQL type as PostgREST writes and reads it. */
function typeOf(type: string, name: string): string {
  if (type.endsWith('[]')) return `${typeOf(type.slice(0, -2), name)}[]`;
  if (name === 'currency') return 'Currency';
  const known = plainTypes[type];
  if (known) return known;
  throw new Error(`${name} is of type ${type}, which sdk/scripts/render-database.ts does not know.`);
}

function columnType({ name, type, values: allowed, machine, nullable }: Column): string {
  const one = machine
    ? `StateOf<'${machine}'>`
    : allowed
      ? allowed.map((value) => `'${value}'`).join(' | ')
      : typeOf(type, name);
  return nullable ? `${one} | null` : one;
}

/** `payment_attempts` → `PaymentAttemptsRow`. */
const rowName = (name: string): string =>
  `${name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Row`;

const doc = (comment: string | null, indent: string): string[] =>
  comment ? [`${indent}/** ${comment.replaceAll('*/', '* /')} */`] : [];

/** Columns that apps may read. A point in PostGIS' own form is of no use to them; commands answer lat and lng. */
export const columnsForApps = ({ columns }: Table): Column[] =>
  columns.filter(
    ({ type, readers }) => type !== 'geography' && readers.some((role) => role !== 'service_role'),
  );

function argument({ name, type, optional }: Argument): string {
  return `${name}${optional ? '?' : ''}: ${typeOf(type, '')} | null`;
}

/** What is answered: a named row, one or many, or a plain value. */
function returnType(name: string, returns: Returns): string {
  const row =
    'table' in returns ? returns.table : 'columns' in returns || returns.type === 'jsonb' ? name : null;
  if (row) return `row: '${row}'; many: ${returns.many}`;
  if (!('type' in returns)) return '';
  const value = returns.type === 'void' ? 'null' : typeOf(returns.type, '');
  return `value: ${value}${returns.many ? '[]' : ''}`;
}

/** The foreign keys that an app may follow, for embedding in a query. */
function renderReferences(readable: readonly Table[], references: readonly Reference[]): string[] {
  const columns = new Map(
    readable.map((table) => [table.name, new Set(table.columns.map(({ name }) => name))]),
  );
  const open = references.filter(
    (one) =>
      one.columns.every((column) => columns.get(one.table)?.has(column)) &&
      one.toColumns.every((column) => columns.get(one.to)?.has(column)),
  );
  const list = (names: readonly string[]): string => `[${names.map((name) => `'${name}'`).join(', ')}]`;
  return [
    'type Reference<Name, Columns, OneToOne, To, ToColumns> = {',
    '  foreignKeyName: Name;',
    '  columns: Columns;',
    '  isOneToOne: OneToOne;',
    '  referencedRelation: To;',
    '  referencedColumns: ToColumns;',
    '};',
    '',
    '/** What a query of each table may embed. */',
    'export interface Relationships {',
    ...[...new Set(open.map(({ table }) => table))].flatMap((table) => [
      `  ${table}: [`,
      ...open
        .filter((one) => one.table === table)
        .map(
          (one) =>
            `    Reference<'${one.name}', ${list(one.columns)}, ${one.isOneToOne}, '${one.to}', ${list(one.toColumns)}>,`,
        ),
      '  ];',
    ]),
    '}',
    '',
  ];
}

/** The source of `src/generated/database.ts`. The same database always gives the same text. */
export function renderDatabase(
  tables: readonly Table[],
  signatures: readonly Signature[],
  commands: readonly Command[],
  references: readonly Reference[],
): string {
  const open = new Set(commands.filter(isForApps).map(({ name }) => name));
  const functions = signatures.filter(({ name }) => open.has(name));
  const readable = tables
    .map((table) => ({ ...table, columns: columnsForApps(table) }))
    .filter(({ columns }) => columns.length > 0);
  const rows = functions.flatMap(({ name, returns }) =>
    'columns' in returns ? [{ name, columns: returns.columns }] : [],
  );
  const lines = [
    ...readable.flatMap(({ name, comment, columns }) => [
      ...doc(comment, ''),
      `export interface ${rowName(name)} {`,
      ...columns.flatMap((column) => [
        ...doc(column.comment, '  '),
        `  ${column.name}: ${columnType(column)};`,
      ]),
      '}',
      '',
    ]),
    '/** The rows of each table, as far as apps may read them. */',
    'export interface Tables {',
    ...readable.map(({ name }) => `  ${name}: ${rowName(name)};`),
    '}',
    '',
    ...renderReferences(readable, references),
    '/** Columns that a new row may leave out, as the database fills them. */',
    'export interface Defaults {',
    ...readable.flatMap(({ name, columns }) => {
      const filled = columns.filter(({ hasDefault }) => hasDefault).map((column) => `'${column.name}'`);
      return filled.length === 0 ? [] : [`  ${name}: ${filled.join(' | ')};`];
    }),
    '}',
    '',
    ...rows.flatMap(({ name, columns }) => [
      `export interface ${rowName(name)} {`,
      ...columns.map((column) => `  ${column.name}: ${typeOf(column.type, column.name)};`),
      '}',
      '',
    ]),
    '/** Rows that functions answer and no table has. What may be null in them, the database does not say. */',
    'export interface Rows {',
    ...rows.map(({ name }) => `  ${name}: ${rowName(name)};`),
    '}',
    '',
    '/** The functions an app may call: their arguments without the idempotency key, and what they answer. */',
    'export interface Functions {',
    ...functions.map(({ name, args, returns }) => {
      const given = args.filter((one) => one.name !== 'idempotency_key').map(argument);
      return `  ${name}: { args: ${given.length === 0 ? 'Record<never, never>' : `{ ${given.join('; ')} }`}; ${returnType(name, returns)} };`;
    }),
    '}',
    '',
  ];
  const used = values.filter((value) => lines.some((line) => new RegExp(`\\b${value}\\b`).test(line)));
  return [
    '// Generated by `npm run types` from the migrations; do not edit.',
    `import type { ${used.join(', ')} } from '../values.ts';`,
    "import type { StateOf } from './states.ts';",
    '',
    ...lines,
  ].join('\n');
}

/** The source of `src/generated/columns.ts`: what `select` must name where a table keeps columns back. */
export function renderColumns(tables: readonly Table[]): string {
  const partly = tables.filter((table) => {
    const open = table.columns.filter(({ readers }) => readers.includes('authenticated'));
    return open.length > 0 && open.length < table.columns.length;
  });
  return [
    '// Generated by `npm run types` from the migrations; do not edit.',
    '',
    '/** The columns that a signed-in person may read of tables that keep others back. */',
    'export const readableColumns = {',
    ...partly.map(
      (table) =>
        `  ${table.name}: '${columnsForApps(table)
          .map(({ name }) => name)
          .join(',')}',`,
    ),
    '} as const;',
    '',
  ].join('\n');
}
