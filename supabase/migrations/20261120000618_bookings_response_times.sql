-- Bookings: how long hosts take to answer requests, for their public profiles.
-- Rule kept here: the log is the source; what is kept for profiles is one row of it each, and can be computed again.
-- Left out on purpose: requests that the host did not answer and did not let run out: withdrawn by the renter, or declined
-- because another booking had the time.

-- An answer takes from the request to the host's yes or no. A request that ran out counts until then.
create view private.booking_responses as
  select e.subject_id, b.host_id as user_id, extract(epoch from e.occurred_at - r.occurred_at)::int as seconds, e.occurred_at as answered_at
  from private.domain_events e
  join private.domain_events r on r.subject_id = e.subject_id and r.machine = 'booking' and r.event = 'request'
  join public.bookings b on b.id = e.subject_id
  -- of somebody who is gone nothing is kept
  join public.profiles p on p.id = b.host_id and p.deleted_at is null
  where e.machine = 'booking' and e.from_state = 'requested'
    and ((e.event in ('accept', 'decline') and e.cause = 'host') or e.event = 'expire');
comment on view private.booking_responses is 'The answers of hosts to requests, from the log: what private.response_times must say of bookings.';

-- It needs the row of the log, so its name comes after the trigger that writes that one.
create function private.write_response_time()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into private.response_times (subject_id, user_id, seconds, answered_at)
  select b.subject_id, b.user_id, b.seconds, b.answered_at from private.booking_responses b where b.subject_id = new.id
  on conflict do nothing;
  return null;
end
$$;
create trigger write_response_time after update of status on public.bookings
  for each row when (old.status = 'requested' and new.status in ('pending_payment', 'declined', 'expired'))
  execute function private.write_response_time();

-- By hand, as postgres.
create function private.rebuild_response_times()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from private.response_times t where t.subject_id in (select id from public.bookings);
  insert into private.response_times (subject_id, user_id, seconds, answered_at)
  select b.subject_id, b.user_id, b.seconds, b.answered_at from private.booking_responses b;
end
$$;

create function private.invariant_response_time_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select coalesce(t.subject_id, b.subject_id)::text, coalesce(t.seconds || ' seconds', 'nothing') || ', should be ' || coalesce(b.seconds || ' seconds', 'nothing')
  from (select r.* from private.response_times r where r.subject_id in (select k.id from public.bookings k)) t
  full join private.booking_responses b on b.subject_id = t.subject_id
  where (t.user_id, t.seconds, t.answered_at) is distinct from (b.user_id, b.seconds, b.answered_at)
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('response_time_disagrees', 'warning', 'The time that a host took to answer a request is not what the log says.',
    'A defect, or somebody changed rows by SQL. As postgres, run: select private.rebuild_response_times().');
