-- Media: who reads uploads of a purpose, said by the module that shows them.
-- Rule kept here: one policy per role on media, which follows a registry; so no module writes the policy of another anew.
-- Left out on purpose: files in Storage and their sizes, which follow the row of the upload.

create table private.media_readers (
  purpose text not null references private.media_purposes,
  role text not null,
  condition text not null,
  primary key (purpose, role),
  constraint media_readers_role_known check (role in ('anon', 'authenticated'))
);
comment on table private.media_readers is 'Which uploads people read besides their own, for each purpose and role. The policies on media are made of it.';
comment on column private.media_readers.condition is 'SQL on the row `media`, which is ready.';
alter table private.media_readers enable row level security;
select private.hold_no_persons('private.media_readers');

create policy select_shown on public.media for select to anon using (false);
create policy select_own_or_shown on public.media for select to authenticated using (owner_id = (select auth.uid()));

create function private.shown_media(p_role text)
returns text
language sql stable set search_path = ''
as $$
  select coalesce('status = ''ready'' and (' || string_agg(format('(purpose = %L and %s)', purpose, condition), ' or ' order by purpose) || ')', 'false')
  from private.media_readers where role = p_role
$$;

create function private.show_media(p_purpose text, p_condition text, variadic p_roles text[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_hidden text[] := (select coalesce(array_agg(purpose order by purpose), '{}') from private.media_purposes where hidden_from_staff);
begin
  insert into private.media_readers (purpose, role, condition) select p_purpose, r, p_condition from unnest(p_roles) r;
  execute format('alter policy select_shown on public.media using (%s)', private.shown_media('anon'));
  execute format(
    'alter policy select_own_or_shown on public.media using (owner_id = (select auth.uid()) or (%s) or (purpose <> all (%L::text[]) and (select private.is_staff())))',
    private.shown_media('authenticated'), v_hidden);
end
$$;
comment on function private.show_media is 'Used by migrations only: people of these roles read ready uploads of p_purpose for which the SQL p_condition on the row `media` is true.';

-- An avatar is readable only one by one: a list of them would be a list of people.
select private.show_media('avatar', '(select private.asks_for_named_files())', 'anon', 'authenticated');
