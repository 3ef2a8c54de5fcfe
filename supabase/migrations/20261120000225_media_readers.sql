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
comment on table private.media_readers is 'Which uploads people read besides their own, for each purpose and role. The functions that the policies on media call are made of it.';
comment on column private.media_readers.condition is 'SQL on the row `media`, which is ready; its columns are named with `media.` before them.';
alter table private.media_readers enable row level security;
select private.hold_no_persons('private.media_readers');

-- Asked for staff alone, and for each upload that others do not see.
create function private.is_shown_to_staff(media public.media)
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (select not m.hidden_from_staff from private.media_purposes m where m.purpose = media.purpose);
end
$$;
grant execute on function private.is_shown_to_staff(public.media) to authenticated;

-- Whether people of a role read a ready upload besides their own. Written anew by private.show_media(). Functions, and not
-- one condition for all purposes in the policy: that would be planned and set up as a whole for each query, though an
-- upload has one purpose. They run as the caller, so the row policies of what they look at hold.
create function private.media_shown_to_anon(media public.media)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return false;
end
$$;
create function private.media_shown_to_authenticated(media public.media)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return false;
end
$$;
grant execute on function private.media_shown_to_anon(public.media) to anon;
grant execute on function private.media_shown_to_authenticated(public.media) to authenticated;

create policy select_shown on public.media for select to anon
  using (status = 'ready' and private.media_shown_to_anon(media));
create policy select_own_or_shown on public.media for select to authenticated
  using (owner_id = (select auth.uid()) or (status = 'ready' and private.media_shown_to_authenticated(media)) or (
    (select private.is_staff()) and private.is_shown_to_staff(media)));

create function private.show_media(p_purpose text, p_condition text, variadic p_roles text[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_role text;
begin
  insert into private.media_readers (purpose, role, condition) select p_purpose, r, p_condition from unnest(p_roles) r;
  foreach v_role in array p_roles loop
    execute (
      select format('
        create or replace function private.media_shown_to_%s(media public.media)
        returns boolean
        language plpgsql stable set search_path = %L
        as $body$
        begin
          case media.purpose
            %s
            else return false;
          end case;
        end
        $body$', v_role, '', string_agg(format('when %L then return coalesce((%s), false);', purpose, condition), ' ' order by purpose))
      from private.media_readers where role = v_role);
  end loop;
end
$$;
comment on function private.show_media is 'Used by migrations only: people of these roles read ready uploads of p_purpose for which the SQL p_condition on the row `media`, whose columns it names with `media.`, is true.';

-- An avatar is readable only one by one: a list of them would be a list of people.
select private.show_media('avatar', '(select private.asks_for_named_files())', 'anon', 'authenticated');
