-- Ticketing: what webhooks tell of events, orders and tickets, and that an organizer can have endpoints.
-- Rule kept here: admins of an organizer manage its endpoints; who is admin no more does so no more.

create function private.manages_organizer_webhooks(p_organizer_id uuid)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (select from public.organizer_members m where m.organizer_id = p_organizer_id and m.user_id = auth.uid() and m.role = 'admin')
$$;
insert into private.webhook_owners (owner, check_function) values ('organizer', 'manages_organizer_webhooks');
alter table private.webhook_endpoints
  add column organizer_id uuid generated always as (case owner when 'organizer' then owner_id end) stored references public.organizers on delete cascade;
create index webhook_endpoints_organizer_idx on private.webhook_endpoints (organizer_id) where organizer_id is not null;

create function private.webhook_owner_ids(p_event public.events)
returns uuid[]
language sql immutable set search_path = ''
as $$ select array[p_event.organizer_id] $$;
select private.attach_webhooks('public.events', 'event', '{organizer}', 'organizer_id', 'title', 'city', 'time_zone', 'starts_at', 'ends_at', 'published_at', 'created_at');

create function private.webhook_owner_ids(p_order public.orders)
returns uuid[]
language sql stable set search_path = ''
as $$ select array[(select e.organizer_id from public.events e where e.id = p_order.event_id)] $$;
select private.attach_webhooks('public.orders', 'order', '{organizer}', 'code', 'event_id', 'buyer_id', 'quantity', 'currency', 'total_amount', 'tax_amount', 'hold_expires_at',
  'completed_at', 'cancelled_by', 'created_at');

create function private.webhook_owner_ids(p_ticket public.tickets)
returns uuid[]
language sql stable set search_path = ''
as $$ select array[(select e.organizer_id from public.events e where e.id = p_ticket.event_id)] $$;
select private.attach_webhooks('public.tickets', 'ticket', '{organizer}', 'event_id', 'order_id', 'class_id', 'seat_id', 'holder_id', 'number', 'admitted_at', 'cancelled_at');
