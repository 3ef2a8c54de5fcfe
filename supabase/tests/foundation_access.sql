-- Who may touch what, as data: every table in public has a row in the file <module>_access.psql of its module, every
-- function its callers.
-- A new table or function fails until somebody has decided.
begin;
\ir helpers.psql
select no_plan();

\ir access_expectations.psql
-- what each module expects
\set expectations `cat *_access.psql`
:expectations

create function tests.access_of(p_role text, p_relation regclass)
returns text
language sql stable
as $$
  select coalesce(string_agg(v || case when not has_table_privilege(p_role, p_relation, v) then '(columns)' else '' end, ' ' order by i), '')
  from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) with ordinality u (v, i)
  where has_table_privilege(p_role, p_relation, v)
     or (v in ('select', 'insert', 'update', 'references') and has_any_column_privilege(p_role, p_relation, v))
$$;

select is(
  array(select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') order by 1),
  array(select relation from expected_access order by 1),
  'every relation in public has a row in the matrix, and no row is left over'
);

select is(
  tests.access_of(r.name, ('public.' || e.relation)::regclass),
  case r.name when 'anon' then e.anon when 'authenticated' then e.authenticated else e.service_role end,
  r.name || ' on ' || e.relation
)
from expected_access e, lateral (values ('anon'), ('authenticated'), ('service_role')) r (name)
order by e.relation, r.name;

select is(
  array(
    select a.attname::text from pg_attribute a
    where a.attrelid = ('public.' || k.relation)::regclass and a.attnum > 0 and not a.attisdropped
      and not has_column_privilege('authenticated', a.attrelid, a.attnum, 'select')
    order by 1
  ),
  array(select unnest(k.kept_back) order by 1),
  k.relation || ' keeps back exactly these columns'
)
from columns_kept_back k;

select is(
  array(
    select c.relname || '.' || a.attname
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
      and has_column_privilege('authenticated', a.attrelid, a.attnum, 'update')
    order by 1
  ),
  array(select w.relation || '.' || unnest(w.written) from columns_written w order by 1),
  'a person writes the columns that a module lists and no other'
);

-- Row security ---------------------------------------------------------------------------------------------

select is_empty(
  $$ select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity $$,
  'every table in public has row security'
);
select is_empty(
  $$ select c.relname, r.rolname from pg_class c, pg_roles r
     where c.relnamespace = 'private'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
       and r.rolname in ('anon', 'authenticated', 'service_role')
       and (case when c.relkind = 'S' then has_sequence_privilege(r.rolname, c.oid, 'usage, select, update')
            else has_table_privilege(r.rolname, c.oid, 'select, insert, update, delete, truncate, references, trigger')
              or has_any_column_privilege(r.rolname, c.oid, 'select, insert, update, references') end) $$,
  'no table or sequence of private can be reached by a client role'
);
select is_empty(
  $$ select tablename, policyname from pg_policies
     where schemaname = 'public' and (cmd = 'ALL' or roles && '{public}' or not (roles <@ '{anon,authenticated}')) $$,
  'every policy names one verb and its roles'
);
select is_empty(
  $$ select tablename, policyname from pg_policies
     where schemaname in ('public', 'storage', 'realtime')
       and (coalesce(qual, '') || coalesce(with_check, '')) ~ 'auth\.(uid|jwt|role)\(\)'
       and regexp_replace(coalesce(qual, '') || coalesce(with_check, ''), 'SELECT auth\.\w+\(\) AS \w+', '', 'g') ~ 'auth\.(uid|jwt|role)\(\)' $$,
  'no policy asks who is calling once per row'
);
select is(
  array(select schemaname || '.' || tablename || ' ' || policyname || ' ' || cmd from pg_policies
    where schemaname in ('storage', 'realtime', 'auth') order by 1),
  array(select policy from platform_policies order by 1),
  'files and topics have these policies and no other'
);

-- Functions ------------------------------------------------------------------------------------------------


create function tests.callers_of(p_function oid)
returns text
language sql stable
as $$
  select coalesce(string_agg(r, ' ' order by r), '')
  from unnest(array['anon', 'authenticated', 'service_role']) r
  where has_function_privilege(r, p_function, 'execute')
$$;

select is_empty(
  $$ select proname from pg_proc where pronamespace = 'public'::regnamespace group by 1 having count(*) > 1 $$,
  'no function in public is overloaded: a client could not say which one it means'
);
select is(
  array(select proname::text from pg_proc where pronamespace = 'public'::regnamespace order by 1),
  array(select name from expected_callers order by 1),
  'every function in public has its callers listed, and no line is left over'
);
select is(tests.callers_of(p.oid), e.callers, 'these roles may call public.' || e.name)
from expected_callers e
join pg_proc p on p.pronamespace = 'public'::regnamespace and p.proname = e.name
order by e.name;

-- What a client may call in private: the twin of its own command, and a few helpers by name.

select is_empty(
  $$ select p.proname, tests.callers_of(p.oid)
     from pg_proc p
     left join expected_callers e on e.name = p.proname and p.proname not in ('check_invariants', 'reconcile_ledger')
     left join expected_helpers h on h.name = p.proname
     where p.pronamespace = 'private'::regnamespace
       and tests.callers_of(p.oid) <> coalesce(h.callers, e.callers, '') $$,
  'a function of private has the callers of its command in public, or is a listed helper, or has none'
);
select is_empty(
  $$ select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'private') and has_function_privilege('public', p.oid, 'execute') $$,
  'nothing is executable by PUBLIC'
);
select is_empty(
  $$ select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef $$,
  'no function in public runs with its owner''s rights'
);
select is_empty(
  $$ select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'private') and not ('search_path=""' = any (coalesce(p.proconfig, '{}'))) $$,
  'every function has an empty search path'
);
select is_empty(
  $$ select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where p.prosecdef and p.proowner <> 'postgres'::regrole and n.nspname in ('public', 'private') $$,
  'what runs with its owner''s rights belongs to postgres'
);
select is_empty(
  $$ select proname from pg_proc where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is null $$,
  'every function in public says what it does'
);
select is_empty(
  $$ select oid::regclass from pg_class
     where relnamespace in ('public'::regnamespace, 'private'::regnamespace) and relkind in ('r', 'p', 'v', 'm') and not relispartition and obj_description(oid, 'pg_class') is null $$,
  'every table says what it holds'
);
select is_empty(
  $$ select c.oid::regclass || '.' || a.attname
     from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p') and not c.relispartition
       and col_description(c.oid, a.attnum) is null
       and (
         a.attname ~ '(^|_)status$'
         or a.atttypid = 'jsonb'::regtype
         or (a.atttypid = 'bigint'::regtype and a.attname ~ '(^|_)(amount|total|price|fee|deposit)(_|$)')
         or (a.atttypid = 'timestamptz'::regtype and a.attname ~ '(^expires_at|_expires_at|_until|_by|_from|^available_at|^recheck_at)$')
       ) $$,
  'every status, amount, deadline and JSON column says which states, which unit, what happens then, or what is in it'
);
select is_empty(
  $$ select c.conrelid::regclass, c.conname from pg_constraint c
     where c.contype = 'f' and c.confdeltype = 'c'
       and c.conrelid::regclass::text in (select relation from never_cascaded) $$,
  'money, evidence and legal rows are never deleted along with something else'
);
-- Who took part in a trip may be known to the other side; who of the admins decided may not.
select is_empty(
  $$ select c.oid::regclass, a.attname
     from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and a.atttypid = 'uuid'::regtype
       and a.attname ~ '_by$|^(admin|actor)_' and has_column_privilege('authenticated', c.oid, a.attnum, 'select')
       -- only admins see batches
       and (c.relname, a.attname) not in (('booking_inspections', 'recorded_by'), ('booking_inspections', 'acknowledged_by'), ('payout_batches', 'approved_by')) $$,
  'nobody can read which admin decided'
);
select is_empty(
  $$ select p.oid::regprocedure
     from pg_proc p
     join pg_proc twin on twin.pronamespace = 'private'::regnamespace and twin.proname = p.proname
     where p.pronamespace = 'public'::regnamespace and p.proargnames[1:p.pronargs] && '{reason,note}'
       and has_function_privilege('authenticated', p.oid, 'execute')
       -- the note of a hand-over is optional, and an unfreeze names a reason that is there already
       and p.proname not in ('check_in', 'check_out', 'unfreeze_payable')
       and twin.prosrc !~ 'says_something|require_reason|require_settlement' $$,
  'every command that takes a reason or a note refuses one that shows nothing'
);
-- A text that people type must not hide anything. What names a state, a code or a key is held by its form or its list, or
-- comes from our code; the words for such columns are here, and a module lists the other texts that nobody types. The
-- check of a column that is found here is private.is_tidy() for one line, private.is_tidy_lines() for several.
select is(
  array(
    select c.oid::regclass || '.' || a.attname
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where c.relkind in ('r', 'p') and a.atttypid in ('text'::regtype, 'varchar'::regtype)
      -- tables of private are mostly registries; what people type there explains something
      and (c.relnamespace = 'public'::regnamespace or (c.relnamespace = 'private'::regnamespace and a.attname ~ '(^|_)(comment|note|reason)$'))
      and a.attname !~ '(^|_)(action|audience|bucket|cause|channels?|class|classes|code|command|correlation_id|covers|currency|cursor|error|event|fine_schedule|function|function_name|hash|id|key|kind|last4|locale|machine|mime_types?|needs|number|owner|path|payload|provider|purpose|raw|reference|schedule|series|state|status|template|topic|type|url|version)$'
      and not exists (select from pg_constraint k where k.conrelid = c.oid and a.attnum = any (k.conkey) and (
        k.contype = 'f'
        or (k.contype = 'c' and pg_get_constraintdef(k.oid) ~ format('private\.is_tidy(_lines)?\(%1$s\)|\m%1$s (~|= ANY) ', a.attname))))
    order by 1
  ),
  array(select n.relation || '.' || unnest(n.columns) from texts_not_typed n order by 1),
  'every text that people type is tidy by a check of its column'
);
-- An unindexed foreign key makes deletes of the parent scan the child; those never deleted are left out.
select is_empty(
  $$ select c.conrelid::regclass, c.conname from pg_constraint c
     where c.contype = 'f' and c.connamespace = 'public'::regnamespace and c.confdeltype = 'c'
       and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1]) $$,
  'what is deleted by cascade is found by index'
);

select * from finish();
rollback;
