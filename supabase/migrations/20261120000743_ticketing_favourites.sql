-- Ticketing: the events a person likes.
-- Rule kept here: a favourite is a pair, and nobody else learns of it.
-- Left out on purpose: telling the person of its sale, which a reminder of a ticket does for those who bought.

alter table private.settings
  add constraint settings_max_event_favourites check (key <> 'max_event_favourites' or private.is_whole(value, 1, 10000));
insert into private.settings (key, value, description) values
  ('max_event_favourites', '500', 'How many events one person may have as favourites.');
insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('too_many_event_favourites', 409, false, 'You have as many favourite events as one person may have. Remove one first.', 'Bạn đã lưu tối đa số sự kiện yêu thích. Vui lòng bỏ bớt một sự kiện trước.');

create table public.event_favourites (
  user_id uuid not null references public.profiles on delete cascade,
  event_id uuid not null references public.events on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, event_id)
);
create index event_favourites_event_idx on public.event_favourites (event_id);
create index event_favourites_newest_idx on public.event_favourites (user_id, created_at desc, event_id desc);
comment on table public.event_favourites is 'Events that a person likes. Only that person sees them.';
alter table public.event_favourites enable row level security;
revoke all on public.event_favourites from anon, authenticated, service_role;
grant select on public.event_favourites to authenticated, service_role;
create policy select_own on public.event_favourites for select to authenticated using (user_id = (select auth.uid()));
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.event_favourites', 'r.user_id = $1', 'erase', null, 'What the person likes is of use to nobody else.');

create function private.set_event_favourite(p_event_id uuid, p_is_favourite boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  if p_is_favourite is null then
    perform private.fail_input('is_favourite', 'must be true or false');
  end if;
  if not p_is_favourite then
    delete from public.event_favourites where user_id = v_user_id and event_id = p_event_id;
    perform private.note_interest(p_event_id, v_user_id, 'likes', false);
    return;
  end if;
  if not exists (select from public.events e where e.id = p_event_id and private.may_see_event(e, v_user_id)) then
    perform private.fail('event_not_found');
  end if;
  -- calls at once of one person meet here, so that the count holds
  perform pg_advisory_xact_lock(hashtextextended('event favourites:' || v_user_id, 0));
  insert into public.event_favourites (user_id, event_id) values (v_user_id, p_event_id) on conflict do nothing;
  if (select count(*) from public.event_favourites where user_id = v_user_id) > (private.setting('max_event_favourites'))::int then
    perform private.fail('too_many_event_favourites', jsonb_build_object('limit', private.setting('max_event_favourites')));
  end if;
  perform private.note_interest(p_event_id, v_user_id, 'likes', true);
end
$$;
create function public.set_event_favourite(event_id uuid, is_favourite boolean)
returns void
language sql volatile set search_path = ''
as $$ select private.set_event_favourite(event_id, is_favourite) $$;
comment on function public.set_event_favourite is 'Makes a published event a favourite of the caller, or no longer. Repeatable. Errors: event_not_found, too_many_event_favourites (details.limit), invalid_input.';
select private.expose('set_event_favourite(uuid, boolean)', 'authenticated');

create function private.my_event_favourites(p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select private.event_hit(e, null) || jsonb_build_object('created_at', f.created_at, 'status', private.event_state(e))
    from public.event_favourites f join public.events e on e.id = f.event_id
    where f.user_id = v_user_id and private.may_see_event(e, v_user_id) and (v_start.id is null or (f.created_at, f.event_id) < (v_start.at, v_start.id))
    order by f.created_at desc, f.event_id desc
    limit p_page_size;
end
$$;
create function public.my_event_favourites(after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.my_event_favourites($1, $2) $$;
comment on function public.my_event_favourites is 'Lists the caller''s favourite events, the last liked first. Rows are those of search_events with created_at (when it was liked) and status (the state of now). `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_event_favourites(jsonb, int)', 'authenticated');
