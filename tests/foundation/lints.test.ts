import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lintFiles, lintMigrations } from '../../local/lints/sql.ts';
import { splitStatements } from '../../local/lints/statements.ts';
import { listDescriptions } from '../../local/lints/test-names.ts';
import { findFragment, findFragments, findImpatience } from '../../local/lints/tests.ts';

const rules = (sql: string) => lintFiles([{ name: 'sample.sql', sql }]).map(({ rule }) => rule);

const table = (more = '') =>
  `create table public.things (id uuid primary key, owner_id uuid); comment on table public.things is 'Things.';
   alter table public.things enable row level security; ${more}`;
const work = (body: string, head = "volatile set search_path = ''") =>
  `create function private.work() returns void language plpgsql ${head} as $$ begin ${body} end $$;`;
const policy = (condition: string, rest = 'for select to authenticated') =>
  table(`create policy select_own on public.things ${rest} using (${condition});`);

describe('what is refused', () => {
  const samples: [rule: string, sql: string][] = [
    ['when-others', work('null; exception when others then null;')],
    ['policy-for-all', policy('true', 'for all to authenticated')],
    ['policy-for-all', policy('true', 'to authenticated')],
    ['policy-roles', policy('true', 'for select')],
    ['policy-bare-auth', policy('owner_id = auth.uid()')],
    ['policy-bare-auth', policy("owner_id = (select auth.uid()) or auth.role() = 'x'")],
    ['policy-per-row', policy('private.may_see(id)')],
    ['policy-per-row', policy('private.may_see(other_things)')],
    ['policy-per-row', policy('(select private.may_see(id)) and private.is_admin()')],
    [
      'policy-without-rls',
      'create table private.t (id int); create policy p on private.t for select to authenticated using (true);',
    ],
    [
      'definer-in-public',
      "create function public.f() returns int language sql stable security definer set search_path = '' as $$ select 1 $$; comment on function public.f is 'x';",
    ],
    ['search-path-in-body', work("set search_path = '';")],
    ['search-path', work('null;', 'volatile')],
    ['volatility', work('null;', "set search_path = ''")],
    ['managed-schema', 'alter table storage.objects enable row level security;'],
    ['managed-schema', 'create index objects_owner on storage.objects (owner_id);'],
    ['managed-schema', 'create unique index u on auth.users (email);'],
    [
      'managed-schema',
      "create function realtime.f() returns int language sql stable set search_path = '' as $$ select 1 $$;",
    ],
    ['managed-schema', 'alter table auth.users add column x int;'],
    ['if-not-exists', 'create table if not exists private.t (id int);'],
    ['no-where', work('update public.things set owner_id = null;')],
    ['no-where', work('delete from public.things;')],
    [
      'no-where',
      work('update public.things t set owner_id = null; delete from public.things where id is null;'),
    ],
    [
      'function-comment',
      "create function public.f() returns int language sql stable set search_path = '' as $$ select 1 $$;",
    ],
    ['table-comment', 'create table public.t (id int); alter table public.t enable row level security;'],
    ['table-rls', "create table public.t (id int); comment on table public.t is 'x';"],
    ['extension-schema', 'create extension if not exists pg_trgm;'],
    ['extension-version', "create extension pg_trgm with schema extensions version '1.6';"],
  ];
  it.each(samples)('%s: %s', (rule, sql) => {
    expect(rules(sql)).toEqual([rule]);
  });
});

describe('what is fine', () => {
  const samples: string[] = [
    table(),
    work(
      'update public.things set owner_id = null where id is null; delete from public.things t using private.x where t.id = x.id;',
    ),
    work('insert into public.things (id) values (null) on conflict (id) do update set owner_id = null;'),
    work("raise notice 'when others; delete from x'; -- when others"),
    policy('owner_id = (select auth.uid())'),
    policy('owner_id = (select auth.uid()) or (select private.is_admin())'),
    policy("id in (select private.my_thing_ids()) and owner_id::text = 'user:' || (select auth.uid())::text"),
    policy(
      'exists (select from public.others o where o.id = things.id and o.owner_id = (select auth.uid()))',
    ),
    'create extension if not exists pg_trgm with schema extensions;',
    "create policy p on storage.objects for select to authenticated using (bucket_id = 'x');",
    policy('private.may_see(things)'),
    'create trigger t after insert on auth.users for each row execute function private.f();',
    'create trigger t before update of name on private.t for each row execute function private.f();',
  ];
  it.each(samples)('%s', (sql) => {
    expect(rules(sql)).toEqual([]);
  });
});

describe('statements', () => {
  it('end at semicolons outside of strings, bodies and comments, and know their line', () => {
    const sql = "-- a; b\nselect ';' ;\n\n/* ; */ create function f() as $x$ a; $$ b; $$ $x$;\nselect 1";
    expect(splitStatements(sql).map(({ text, line }) => [line, text.slice(0, 12)])).toEqual([
      [2, "select ';'"],
      [4, 'create funct'],
      [5, 'select 1'],
    ]);
    expect(splitStatements(sql)[1]?.bodies).toEqual([' a; $$ b; $$ ']);
  });
});

describe('patience', () => {
  it('refuses a test, a hook or a wait that gives up early', () => {
    const impatient = [
      "it('waits', async () => {}, 5_000);",
      "it.each([1])('waits', async () => {}, 60_000);",
      'beforeAll(async () => {}, 30_000);',
      'await expect.poll(look, { timeout: 3_000 }).toBe(1);',
      'await vi.waitFor(() => expect(1).toBe(1));',
    ];
    expect(findImpatience(impatient.join('\n')).map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
  });

  it('allows a limit that is not shorter than that of all tests, and waits without one', () => {
    const patient = [
      'beforeAll(async () => {}, 1_800_000);',
      'await expect.poll(look, { interval: 5 }).toBe(1);',
      "it('waits', async () => {});",
    ];
    expect(findImpatience(patient.join('\n'))).toEqual([]);
  });
});

describe('the name of a test', () => {
  it.each([
    ['nor reads the number', '"nor reads the number" goes on from another name'],
    ['is paid once', '"is paid once" has fewer than four words'],
    ['under a number of the bank', '"under a number of the bank" has no verb'],
  ])('is refused when it is no sentence: %s', (name, problem) => {
    expect(findFragment(name)).toBe(problem);
  });

  it('is a sentence together with the names of its groups', () => {
    const text = `
      describe('a refund', () => { it('is paid once', () => {}); it('and no more', () => {}); });
      it('is alone', () => {});`;
    expect(findFragments(text).map(({ line, problem }) => [line, problem])).toEqual([
      [2, '"and no more" goes on from another name'],
      [3, '"is alone" has fewer than four words'],
    ]);
  });

  it('in a pgTAP file is the last argument of an assertion, over lines and with what is put in', () => {
    const text = `
      select is(1, f('x'), 'one'); -- select is(1, 1, 'commented out');
      select ok(true,
        'a host''s ' || n || ' rows');
      select is(tests.outcome($$ select is(1, 1, 'quoted') $$), 'ok', name) from t;`;
    expect(listDescriptions(text)).toEqual([
      { name: 'one', line: 2 },
      { name: "a host's … rows", line: 4 },
    ]);
  });
});

describe('the migrations', () => {
  it('have a version of their own', () => {
    const one = { name: '101_a.sql', sql: '' };
    const same = lintFiles([one, { name: '101_b.sql', sql: '' }, { name: '102_c.sql', sql: '' }]);
    expect(same.map(({ rule, file }) => [rule, file])).toEqual([['version-once', '101_b.sql']]);
  });

  it('keep every rule', () => {
    expect(lintMigrations(fileURLToPath(new URL('../../supabase/migrations', import.meta.url)))).toEqual([]);
  });
});
