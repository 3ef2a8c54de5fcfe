import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf, type Statement, splitStatements } from './statements.ts';

export interface Problem {
  file: string;
  line: number;
  rule: string;
  message: string;
}

export interface MigrationFile {
  name: string;
  sql: string;
}

/** What the migrations have created so far; some rules need more than one statement. */
interface Schema {
  rowSecurity: Set<string>;
  tables: Map<string, Place>;
  functions: Map<string, Place>;
  commented: Set<string>;
  policies: { table: string; place: Place }[];
}

interface Place {
  file: string;
  line: number;
}

type Report = (rule: string, message: string) => void;

const managed = String.raw`(?:auth|storage|realtime|vault|cron|net)\.`;
const name = String.raw`((?:\w+|"[^"]+")(?:\.(?:\w+|"[^"]+"))?)`;

function isFunction(text: string): boolean {
  return /^create (?:or replace )?(?:function|procedure)\b/i.test(text);
}

/** Statements of a body that change rows without naming them. */
function withoutWhere(body: string): string[] {
  return codeOf(body)
    .split(';')
    .flatMap((statement) => {
      const found =
        /\b(?:(update)\s+(?!of\b)[\w."]+\s+(?:as\s+)?(?:\w+\s+)?set|(delete)\s+from)\b([\s\S]*)/i.exec(
          statement,
        );
      if (!found || /\bdo\s+update\s+set\b/i.test(statement) || /\bwhere\b/i.test(found[3] ?? '')) return [];
      return [(found[1] ?? found[2] ?? '').toLowerCase()];
    });
}

/** What a query evaluates once: a whole sub-select without a column of the row is removed. */
function withoutSubSelects(expression: string): string {
  let text = expression;
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replaceAll(/\(\s*select\s+(?:\w+\.)?\w+\([^()]*\)\s*(?:::\w+\s*)?\)/gi, ' once ');
  }
  return text;
}

function checkFunction(text: string, bodies: string[], report: Report): void {
  const head = bodies.reduce((rest, body) => rest.replace(body, ''), text);
  const isPublic = /^create (?:or replace )?function public\./i.test(text);
  if (isPublic && /\bsecurity definer\b/i.test(head)) {
    report('definer-in-public', 'A function in public runs as its caller; put the work into schema private.');
  }
  if (!/\b(?:immutable|stable|volatile)\b/i.test(head)) {
    report('volatility', 'Say immutable, stable or volatile.');
  }
  if (!/\bset search_path = ''/i.test(head)) {
    report('search-path', "Write set search_path = '' into the function's header.");
  }
}

function checkBody(body: string, report: Report): void {
  const code = codeOf(body);
  if (/\bwhen\s+others\b/i.test(code)) report('when-others', 'Catch named conditions only, never others.');
  if (/\bset\s+(?:local\s+)?search_path\b/i.test(code)) {
    report('search-path-in-body', 'Inside the body it protects nothing; set it in the header.');
  }
  for (const verb of withoutWhere(body))
    report('no-where', `This ${verb} has no where and touches every row.`);
}

function checkPolicy(text: string, report: Report): void {
  if (/\bfor\s+all\b/i.test(text) || !/\bfor\s+(?:select|insert|update|delete)\b/i.test(text)) {
    report('policy-for-all', 'A policy is for one verb: select, insert, update or delete.');
  }
  if (!/\bto\s+(?:anon|authenticated|service_role)\b/i.test(text)) {
    report('policy-roles', 'Say to which role the policy applies.');
  }
  const perRow = withoutSubSelects(text);
  if (/\bauth\.\w+\s*\(/i.test(perRow)) {
    report('policy-bare-auth', 'Write (select auth.uid()), or it is evaluated for every row.');
  }
  // what is asked about the row itself is meant to be called for each
  const row = /\bon\s+(?:public\.)?(\w+)/i.exec(text)?.[1] ?? '';
  const calls = perRow
    .replaceAll(/\bin\s*\(\s*select\s+private\.\w+\([^()]*\)\s*\)/gi, ' once ')
    .replaceAll(new RegExp(`\\bprivate\\.\\w+\\(${row}\\)`, 'gi'), ' of the row ');
  if (/\bprivate\.\w+\s*\(/i.test(calls)) {
    report(
      'policy-per-row',
      'Write (select private.f()) or in (select private.f()), or it is called for every row. One about each row takes the whole row.',
    );
  }
}

function checkStatement({ text, bodies }: Statement, report: Report): void {
  if (isFunction(text)) checkFunction(text, bodies, report);
  for (const body of bodies) checkBody(body, report);
  if (/^create policy\b/i.test(text)) checkPolicy(text, report);
  const code = codeOf(bodies.reduce((rest, body) => rest.replace(body, ''), text));
  if (
    new RegExp(`^alter table (?:if exists )?(?:only )?${managed}`, 'i').test(code) ||
    new RegExp(`^create (?:unique )?index [\\s\\S]*? on (?:only )?${managed}`, 'i').test(code) ||
    new RegExp(
      `^create (?:or replace )?(?:table|function|view|type|sequence) (?:if not exists )?${managed}`,
      'i',
    ).test(code)
  ) {
    report(
      'managed-schema',
      'The platform owns this schema; only policies and triggers are allowed on its tables.',
    );
  }
  if (/^create table if not exists\b/i.test(code)) {
    report('if-not-exists', 'A migration knows what exists: leave out if not exists.');
  }
  if (/^create extension\b/i.test(code)) {
    if (!/\bschema\s+(?:extensions|pg_catalog)\b/i.test(code)) {
      report('extension-schema', 'Say with schema extensions.');
    }
    if (/\bversion\b/i.test(code))
      report('extension-version', 'Do not pin a version; the platform chooses it.');
  }
}

function remember({ text, line }: Statement, file: string, schema: Schema): void {
  const place = { file, line };
  const match = (pattern: string) => new RegExp(`^${pattern}`, 'i').exec(text)?.[1]?.toLowerCase();
  const table = match(`create table (?:if not exists )?${name}`);
  if (table) schema.tables.set(table, place);
  const secured = match(`alter table (?:only )?${name} enable row level security`);
  if (secured) schema.rowSecurity.add(secured);
  const made = match(`create (?:or replace )?function ${name}`);
  if (made) schema.functions.set(made, place);
  const commented = match(`comment on (?:table|function) ${name}`);
  if (commented) schema.commented.add(commented);
  const policed = match(`create policy \\S+\\s+on ${name}`);
  if (policed) schema.policies.push({ table: policed, place });
}

/** Problems of a set of migrations, in the order in which they would be applied. */
export function lintFiles(files: MigrationFile[]): Problem[] {
  const problems: Problem[] = [];
  const schema: Schema = {
    rowSecurity: new Set(),
    tables: new Map(),
    functions: new Map(),
    commented: new Set(),
    policies: [],
  };
  const versions = new Map<string, string>();
  for (const { name: file } of files) {
    const version = file.split('_')[0] ?? file;
    const other = versions.get(version);
    versions.set(version, file);
    if (other) {
      const message = `${other} has the same version; one of them would not be applied.`;
      problems.push({ file, line: 1, rule: 'version-once', message });
    }
  }
  for (const { name: file, sql } of files) {
    for (const statement of splitStatements(sql)) {
      remember(statement, file, schema);
      checkStatement(statement, (rule, message) =>
        problems.push({ file, line: statement.line, rule, message }),
      );
    }
  }
  const say = (rule: string, place: Place, message: string) => problems.push({ ...place, rule, message });
  const isManaged = (table: string) => new RegExp(`^${managed}`).test(table);
  for (const { table, place } of schema.policies) {
    if (!isManaged(table) && !schema.rowSecurity.has(table)) {
      say(
        'policy-without-rls',
        place,
        `${table} has a policy but no row level security, so the policy does nothing.`,
      );
    }
  }
  for (const [table, place] of schema.tables) {
    if (!table.startsWith('public.')) continue;
    if (!schema.commented.has(table)) say('table-comment', place, `${table} needs a comment on table.`);
    if (!schema.rowSecurity.has(table)) say('table-rls', place, `${table} needs row level security.`);
  }
  for (const [made, place] of schema.functions) {
    if (made.startsWith('public.') && !schema.commented.has(made)) {
      say(
        'function-comment',
        place,
        `${made} needs a comment on function: it is the API's table of contents.`,
      );
    }
  }
  return problems;
}

/** Problems of all migrations in a folder. */
export function readMigrations(dir: string): MigrationFile[] {
  return readdirSync(dir)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ name: file, sql: readFileSync(join(dir, file), 'utf8') }));
}

export function lintMigrations(dir: string): Problem[] {
  return lintFiles(readMigrations(dir));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dir = process.argv[2] ?? fileURLToPath(new URL('../../supabase/migrations', import.meta.url));
  const problems = lintMigrations(dir);
  for (const { file, line, rule, message } of problems) console.log(`${file}:${line} ${rule}: ${message}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
