import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkModules, cycleIn, moduleProblems } from '../../local/lints/modules.ts';

const files = [
  { name: '1_lower_tables.sql', sql: 'create table public.things (id uuid primary key);' },
  {
    name: '2_upper_tables.sql',
    sql: 'create table private.parts (id uuid primary key, thing_id uuid references public.things);',
  },
];
const seeded = (sql: string) => [...files, { name: '3_lower_commands.sql', sql }];
const allowed = { lower: [], upper: ['lower'] };
const problems = (sql: string) => moduleProblems(seeded(sql), allowed).map(({ problem }) => problem);
const refused = ['may not refer to upper, and does to private.parts in 3_lower_commands.sql'];

describe('the directions between modules', () => {
  it('are those of the migrations, without a cycle', () => {
    expect(checkModules(fileURLToPath(new URL('../../supabase/migrations', import.meta.url)))).toEqual([]);
  });

  it('let a module refer to what is below it', () => {
    expect(moduleProblems(files, allowed)).toEqual([]);
  });

  it.each([
    [
      'the body of a function',
      'create function private.f() returns void language sql as $$ delete from private.parts where id is null $$;',
    ],
    ['a policy', 'create policy p on public.things using (exists (select from private.parts));'],
    ['a foreign key', 'alter table public.things add column part_id uuid references private.parts;'],
    [
      'the type of an argument',
      'create function private.f(p private.parts) returns int language sql as $$ select 1 $$;',
    ],
  ])('refuse a reference upwards in %s', (_, sql) => {
    expect(problems(sql)).toEqual(refused);
  });

  it('take a name in a comment or a string for no reference', () => {
    expect(problems("select 'private.parts'; -- private.parts")).toEqual([]);
  });

  it('refuse a cycle, a module that is not listed and a direction that nobody needs', () => {
    expect(cycleIn({ a: ['b'], b: ['c'], c: ['a'] })).toEqual(['a', 'b', 'c', 'a']);
    expect(moduleProblems(files, { lower: [], upper: ['lower'], other: ['lower'] })).toHaveLength(1);
    expect(moduleProblems(files, { lower: [] })[0]?.problem).toBe('has no line in local/lints/modules.ts');
  });
});
