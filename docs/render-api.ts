import type { Column, Returns, Table } from '../sdk/scripts/database.ts';
import type { Api } from './read-api.ts';
import { generated } from './render.ts';

const shortTypes: Record<string, string> = {
  'timestamp with time zone': 'timestamptz',
  'double precision': 'float8',
  integer: 'int',
};
const short = (type: string): string => shortTypes[type] ?? type;
const code = (text: string): string => `\`${text}\``;
const list = (words: readonly string[]): string => words.map(code).join(', ');

const kinds = {
  read: 'changes nothing',
  repeatable: 'may be repeated',
  keyed: 'repeated with its idempotency key',
  once: 'is sent once',
};

function returnText(name: string, returns: Returns, shapes: Api['shapes']): string {
  const shape = shapes.get('table' in returns ? returns.table : name);
  const typed = shape ? ` (${code(shape.type)} of [${shape.file}](../sdk/src/${shape.file}))` : '';
  if ('columns' in returns) {
    const columns = returns.columns.map((column) => `${column.name} ${short(column.type)}`);
    return `rows of ${list(columns)}${typed}`;
  }
  if ('table' in returns) return `${returns.many ? 'rows' : 'a row'} of ${code(returns.table)}${typed}`;
  if (returns.type === 'void') return 'nothing';
  return `${returns.many ? 'rows of ' : ''}${code(short(returns.type))}${typed}`;
}

function command(one: Api['commands'][number], shapes: Api['shapes']): string[] {
  const args = one.args.map(({ name, type, optional }) => `${name}${optional ? '?' : ''} ${short(type)}`);
  const errors = one.errors.map(({ code: error, note }) => (note ? `${code(error)} (${note})` : code(error)));
  return [
    `#### ${one.name}`,
    '',
    one.summary,
    '',
    `- Takes ${args.length === 0 ? 'nothing' : list(args)}; answers ${returnText(one.name, one.returns, shapes)}.`,
    `- For ${list(one.roles)}; ${kinds[one.kind]}.`,
    ...(errors.length === 0 ? [] : [`- Errors: ${errors.join(', ')}.`]),
    '',
  ];
}

function columnType({ type, values, machine }: Column): string {
  if (machine) return `state of [${machine}](states.md#${machine})`;
  return values ? values.map(code).join(' ') : short(type);
}

function tableText(one: Table, policies: Api['policies']): string[] {
  const mine = policies.filter((policy) => policy.table === one.name);
  const readers = (column: Column): string => (column.readers.length === 0 ? 'nobody' : list(column.readers));
  // most columns have the readers of the table; the others say theirs
  const all = one.columns.map(readers);
  const usual = all.toSorted(
    (a, b) => all.filter((x) => x === b).length - all.filter((x) => x === a).length,
  )[0];
  return [
    `#### ${one.name}`,
    '',
    one.comment ?? '',
    '',
    ...mine.map(
      ({ name, roles, condition }) =>
        `- ${code(name)} lets ${list(roles)} read rows where ${code(condition.replaceAll(/\s+/g, ' '))}.`,
    ),
    ...(mine.length === 0 ? ['- No app reads its rows.'] : []),
    `- Columns, read by ${usual}:`,
    ...one.columns.map((column) => {
      const facts = [columnType(column)];
      if (column.nullable) facts.push('or null');
      if (readers(column) !== usual) facts.push(`(read by ${readers(column)})`);
      return `  - ${code(column.name)} ${facts.join(' ')}${column.comment ? `: ${column.comment}` : ''}`;
    }),
    '',
  ];
}

/** docs/api.md. The same API always gives the same text. */
export function renderApiPage(api: Api): string {
  const title = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const modules = api.modules.flatMap(({ name, makes }) => {
    const commands = api.commands.filter((one) => makes.has(one.name));
    const tables = api.tables.filter((one) => makes.has(one.name));
    if (commands.length === 0 && tables.length === 0) return [];
    return [
      `## ${title(name)}`,
      '',
      ...(commands.length === 0
        ? []
        : ['### Commands', '', ...commands.flatMap((one) => command(one, api.shapes))]),
      ...(tables.length === 0
        ? []
        : ['### Tables', '', ...tables.flatMap((one) => tableText(one, api.policies))]),
    ];
  });
  const usedBy = (error: string): string[] => [
    ...api.commands.filter(({ errors }) => errors.some((one) => one.code === error)).map(({ name }) => name),
    ...api.endpoints.filter(({ errors }) => errors.some((one) => one.code === error)).map(({ name }) => name),
  ];
  return [
    generated('the migrations and the handlers of the functions'),
    '',
    '# API',
    '',
    'Every command, table, function, live event and error. Apps use it through [the SDK](../sdk/README.md), which has the same names.',
    '',
    '- A command is `POST /rest/v1/rpc/<command>` with its arguments as JSON; `?` marks an argument that may be left out.',
    '- A table is `GET /rest/v1/<table>`; row policies say which rows, grants say which columns. `authenticated` is a signed-in person, `anon` a visitor.',
    '- Every command may also answer `unauthenticated` and `internal`, and one with `idempotency_key` `idempotency_conflict`.',
    '- Amounts are integers in minor units of `currency` (VND has none); shares are basis points; instants are ISO 8601 with an offset.',
    '',
    ...modules,
    '## Functions of the edge',
    '',
    "`/functions/v1/<function>`, called by a signed-in person (`user`), with the secret key (`secret`), with a partner's key (`api_key`, see [partners.md](partners.md)) or by anybody (`none`). Each may also answer `method_not_allowed`, and `payload_too_large` and `unknown_field` to a wrong body.",
    '',
    ...api.endpoints.map(({ name, methods, auth, errors }) => {
      const refusals = errors.length === 0 ? '' : ` Errors: ${list(errors.map((one) => one.code))}.`;
      return `- ${code(`${methods.join(' ')} ${name}`)}, called by ${code(auth)}.${refusals}`;
    }),
    '',
    '## Live events',
    '',
    'Broadcast by the database on private topics. No event is certain to arrive: rows carry a sequence, and a client reads what it missed.',
    '',
    ...api.broadcasts.map(({ topic, event, payload }) => `- ${code(event)} on ${code(topic)}: ${payload}`),
    '',
    '## Errors',
    '',
    'Their texts are in [errors.md](errors.md).',
    '',
    ...api.errors.map((error) => {
      const from = usedBy(error.code);
      return `- ${code(error.code)} (${error.status})${from.length === 0 ? '' : `: ${list(from)}`}`;
    }),
    '',
  ].join('\n');
}
