-- Ticketing: who has held a ticket, and what its codes are checked with.
-- Rule kept here: each holder has a secret of their own. Whatever changes the holder, also an edit in a table editor,
-- makes a new one and keeps the one of before, so the earlier code is known and worth nothing.
-- Left out on purpose: the signature of a code, which the function `tickets` makes: PostgreSQL has no Ed25519.

create table private.ticket_custody (
  ticket_id uuid not null references public.tickets on delete restrict,
  custody int not null,
  holder_id uuid not null references public.profiles on delete restrict,
  secret text not null,
  until timestamptz not null default now(),
  primary key (ticket_id, custody)
);
create index ticket_custody_holder_idx on private.ticket_custody (holder_id);
comment on table private.ticket_custody is 'The earlier holders of tickets, in order, with the secrets of their codes. Append-only. The present one is in tickets.';
comment on column private.ticket_custody.custody is 'Counts the holders of a ticket from 1 on.';
comment on column private.ticket_custody.until is 'When the next holder got it.';
alter table private.ticket_custody enable row level security;
create trigger append_only before update or delete or truncate on private.ticket_custody
  for each statement execute function private.forbid_change();

create function private.pass_on_ticket()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into private.ticket_custody (ticket_id, custody, holder_id, secret) values (old.id, old.custody, old.holder_id, old.secret);
  new.custody := old.custody + 1;
  new.secret := encode(extensions.gen_random_bytes(16), 'hex');
  new.holder_name := null;
  return new;
end
$$;
create trigger pass_on before update on public.tickets
  for each row when (old.holder_id <> new.holder_id) execute function private.pass_on_ticket();
create trigger custody_kept before update on public.tickets
  for each row when (old.holder_id = new.holder_id and (old.custody <> new.custody or old.secret <> new.secret))
  execute function private.forbid_change();

-- A device at the door asks for what has changed since its last list.
create trigger stamp_change before update on public.tickets for each row execute function private.stamp_change();

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.ticket_custody', 'r.holder_id = $1', 'retain', '{ticket_id,custody,until}', 'Says who held a ticket before, for disputes at the door.');
select private.retain_columns('private.ticket_custody', 'Proves a code; says nothing about its person.', 'secret');

-- The ticket that a person holds, locked, or an error that says nothing of others' tickets.
create function private.require_own_ticket(p_ticket_id uuid)
returns public.tickets
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_ticket public.tickets;
begin
  select * into v_ticket from public.tickets where id = p_ticket_id and holder_id = v_user_id for no key update;
  if not found then
    perform private.fail('ticket_not_found');
  end if;
  return v_ticket;
end
$$;

-- Why the holder, the name or the code of a ticket cannot be had now; null when nothing is in the way.
create function private.ticket_problem(p_ticket public.tickets)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_event public.events;
begin
  select * into strict v_event from public.events where id = p_ticket.event_id;
  return case
    when p_ticket.status <> 'valid' or v_event.status = 'cancelled' then 'ticket_cancelled'
    when private.event_state(v_event) = 'ended' then 'ticket_over'
  end;
end
$$;

-- Until when tickets change hands and names: hours before the start, as the organizer says.
create function private.require_changeable(p_ticket public.tickets)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_problem text := private.ticket_problem(p_ticket);
  v_until timestamptz;
begin
  if v_problem is not null then
    perform private.fail(v_problem);
  end if;
  if p_ticket.admitted_at is not null then
    perform private.fail('ticket_used');
  end if;
  select e.starts_at - make_interval(hours => c.changes_until_hours) into strict v_until
  from public.events e join public.event_configs c on c.event_id = e.id
  where e.id = p_ticket.event_id;
  if v_until <= now() then
    perform private.fail('ticket_fixed', jsonb_build_object('until', v_until));
  end if;
end
$$;

create function private.rename_ticket(p_ticket_id uuid, p_holder_name text)
returns public.tickets
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_ticket public.tickets := private.require_own_ticket(p_ticket_id);
  v_name text := private.tidy_text(p_holder_name);
begin
  if v_name is not null and (not private.shows_something(v_name) or char_length(v_name) > 120) then
    perform private.fail_input('holder_name', 'must have 1 to 120 characters, or be null');
  end if;
  perform private.require_changeable(v_ticket);
  update public.tickets set holder_name = v_name where id = p_ticket_id returning * into v_ticket;
  return v_ticket;
end
$$;
create function public.rename_ticket(ticket_id uuid, holder_name text)
returns public.tickets
language sql volatile set search_path = ''
as $$ select private.rename_ticket($1, $2) $$;
comment on function public.rename_ticket is 'Writes the name of the person who will come on a ticket of the caller (1–120 characters), or takes it off (null). The code stays. Errors: ticket_not_found, ticket_cancelled, ticket_over, ticket_used, ticket_fixed (details.until), invalid_input.';
select private.expose('rename_ticket(uuid, text)', 'authenticated');

-- What the function `tickets` signs. A ticket that is cancelled has no code.
create function private.ticket_to_sign(p_ticket_id uuid, p_user_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_ticket public.tickets;
  v_problem text;
begin
  select * into v_ticket from public.tickets where id = p_ticket_id and holder_id = p_user_id;
  if not found then
    perform private.fail('ticket_not_found');
  end if;
  v_problem := private.ticket_problem(v_ticket);
  if v_problem is not null then
    perform private.fail(v_problem);
  end if;
  return jsonb_build_object(
    'ticket_id', v_ticket.id, 'event_id', v_ticket.event_id, 'custody', v_ticket.custody, 'secret', v_ticket.secret,
    -- a postponed event has no end yet, and one that runs over still admits
    'valid_until', (select case e.status when 'postponed' then greatest(e.ends_at, now() + interval '365 days') else e.ends_at + interval '1 day' end
      from public.events e where e.id = v_ticket.event_id)
  );
end
$$;
create function public.ticket_to_sign(ticket_id uuid, user_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.ticket_to_sign($1, $2) $$;
comment on function public.ticket_to_sign is 'Answers what the code of a ticket says, for the person who holds it: {ticket_id, event_id, custody, secret, valid_until}. Service only. Errors: ticket_not_found, ticket_cancelled, ticket_over.';
select private.expose('ticket_to_sign(uuid, uuid)', 'service_role');

create function private.ticket_to_print(p_ticket_id uuid)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'id', t.id, 'number', o.code || '-' || t.number, 'holder_name', t.holder_name, 'class_name', c.name, 'order_code', o.code,
    'seat', case when s.id is not null then jsonb_build_object('section', r.section, 'row', r.row_label, 'number', s.number) end,
    'event', jsonb_build_object(
      'title', e.title, 'status', private.event_state(e), 'starts_at', e.starts_at, 'ends_at', e.ends_at, 'time_zone', e.time_zone,
      'venue', e.venue, 'address', concat_ws(', ', e.address, e.city), 'organizer', g.name, 'updated_at', greatest(e.updated_at, t.updated_at)),
    'locale', p.locale
  )
  from public.tickets t
  join public.orders o on o.id = t.order_id
  join public.ticket_classes c on c.id = t.class_id
  join public.events e on e.id = t.event_id
  join public.organizers g on g.id = e.organizer_id
  join public.profiles p on p.id = t.holder_id
  left join public.seats s on s.id = t.seat_id
  left join public.seat_rows r on r.id = s.row_id
  where t.id = p_ticket_id and t.holder_id = auth.uid()
$$;
create function public.ticket_to_print(ticket_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_ticket jsonb := private.ticket_to_print(ticket_id);
begin
  if v_ticket is null then
    perform private.fail('ticket_not_found');
  end if;
  return v_ticket;
end
$$;
comment on function public.ticket_to_print is 'Answers what the page and the calendar file of a ticket of the caller show: {id, number, holder_name, class_name, order_code, seat {section, row, number} or null, event {title, status, starts_at, ends_at, time_zone, venue, address, organizer, updated_at}, locale}. Errors: ticket_not_found.';
select private.expose('ticket_to_print(uuid)', 'authenticated');
