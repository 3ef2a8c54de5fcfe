-- Identity: where a person is signed in, and signing out elsewhere.
-- Rule kept here: people see and end their own sessions and no others. A session that has ended cannot be refreshed, and
-- opens no sensitive command; its access token is valid to its end, an hour at most, like any token that is verified
-- without asking the database.
-- Left out on purpose: signing out of all other devices, which Auth does itself (scope `others`).

create function private.my_sessions()
returns table (id uuid, created_at timestamptz, last_active_at timestamptz, user_agent text, ip text, is_current boolean)
language sql stable security definer set search_path = ''
as $$
  select s.id, s.created_at, greatest(s.created_at, s.refreshed_at at time zone 'UTC'), left(s.user_agent, 300), host(s.ip),
         coalesce(s.id::text = auth.jwt() ->> 'session_id', false)
  from auth.sessions s
  where s.user_id = private.require_user() and (s.not_after is null or s.not_after > now())
  order by 3 desc, 1
  limit 100
$$;
create function public.my_sessions()
returns table (id uuid, created_at timestamptz, last_active_at timestamptz, user_agent text, ip text, is_current boolean)
language sql stable set search_path = ''
as $$ select * from private.my_sessions() $$;
comment on function public.my_sessions is 'Lists where the caller is signed in, the latest active first, at most 100. `last_active_at` is when the session was begun or refreshed last. `user_agent` and `ip` are those of the sign-in or the last refresh, and null when Auth knows none. `is_current` marks the session of this call.';
select private.expose('my_sessions()', 'authenticated');

create function private.end_session(p_session_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  delete from auth.sessions where id = p_session_id and user_id = v_user_id;
  if found then
    delete from private.step_ups where user_id = v_user_id and session_id = p_session_id;
    perform private.record_event('profile.session_ended', v_user_id);
  end if;
end
$$;
create function public.end_session(session_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.end_session(session_id) $$;
comment on function public.end_session is 'Signs the caller out of one session, on whatever device. It cannot be refreshed any more and opens no sensitive command; its access token is valid to its end, an hour at most. A session that is not there, or is of somebody else, changes nothing. Repeatable.';
select private.expose('end_session(uuid)', 'authenticated');
