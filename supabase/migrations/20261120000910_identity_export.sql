-- Identity: everything about a person as JSON, for that person.
-- Rule kept here: the registry of personal data says which rows are the person's, so that no table is forgotten. An export
-- shows the columns that the person may read anyway, and of the work in `private` what the registry names.
-- Left out on purpose: the bytes of files. Their rows are in it, and the SDK adds signed addresses.

insert into private.rate_limits (action, capacity, per_minute) values
  ('export_my_data', 20, 0.5);

-- The columns of one table as an export shows them, as SQL; null when it shows none.
create function private.export_columns(p_table private.personal_tables)
returns text
language sql stable set search_path = ''
as $$
  select string_agg(
    case when t.typname in ('geography', 'geometry') then format('extensions.st_asgeojson(r.%1$I)::jsonb as %1$I', a.attname) else format('r.%I', a.attname) end,
    ', ' order by a.attnum)
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  where a.attrelid = to_regclass((p_table).relation) and a.attnum > 0 and not a.attisdropped
    and case when (p_table).export_columns is null then has_column_privilege('authenticated', a.attrelid, a.attnum, 'select')
      else a.attname = any ((p_table).export_columns) end
$$;

create function private.export_my_data(p_page int)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_page_size constant int := 1000;
  v_user_id uuid := private.require_user();
  v_table private.personal_tables;
  v_columns text;
  v_order text;
  v_rows jsonb;
  v_tables jsonb := jsonb_build_object();
  v_more boolean := false;
begin
  perform private.take_token('export_my_data', v_user_id::text);
  if p_page is null or p_page not between 0 and 1000 then
    perform private.fail_input('page', 'must be 0 to 1000');
  end if;
  perform private.require_step_up();
  for v_table in select * from private.personal_tables where treatment <> 'none' and cardinality(export_columns) is distinct from 0 order by position loop
    v_columns := private.export_columns(v_table);
    select string_agg(format('r.%I', a.attname), ', ' order by k.n) into v_order
    from pg_catalog.pg_index i
    cross join unnest(i.indkey) with ordinality k (attnum, n)
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = to_regclass(v_table.relation) and i.indisprimary;
    -- one row more than a page tells whether there is another page
    execute format('select coalesce(jsonb_agg(to_jsonb(x)), ''[]'') from (select %s from %s r where %s order by %s limit %s offset %s) x',
      v_columns, v_table.relation, v_table.whose, v_order, v_page_size + 1, p_page * v_page_size)
    into v_rows using v_user_id;
    if jsonb_array_length(v_rows) > v_page_size then
      v_more := true;
      v_rows := v_rows - -1;
    end if;
    v_tables := v_tables || jsonb_build_object(split_part(v_table.relation, '.', 2), v_rows);
  end loop;
  if p_page = 0 then
    perform private.record_event('profile.exported', v_user_id);
  end if;
  return jsonb_build_object(
    'format', 'journey-export-1', 'exported_at', now(), 'page', p_page, 'more', v_more,
    'account', (
      select jsonb_build_object('id', u.id, 'email', u.email, 'phone', u.phone, 'created_at', u.created_at, 'last_sign_in_at', u.last_sign_in_at)
      from auth.users u where u.id = v_user_id
    ),
    'tables', v_tables
  );
end
$$;
create function public.export_my_data(page int default 0)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.export_my_data(page) $$;
comment on function public.export_my_data is 'Answers everything about the caller: {format, exported_at, page, more, account, tables}. `tables` has a list of rows for each table, in the columns that the caller may read; a page has up to 1000 rows of each. While `more` is true, the next `page` (0–1000) has the rest. `media` in it names the files. Needs a step-up. Errors: invalid_input, step_up_required, rate_limited.';
select private.expose_limited('export_my_data(int)', 'export_my_data', 'auth.uid()', 'authenticated');
