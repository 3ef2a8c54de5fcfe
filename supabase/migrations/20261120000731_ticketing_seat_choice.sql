-- Ticketing: choosing seats, and the organizer's map.
-- Rule kept here: seats are chosen under the lock of their row; rows that somebody else has are skipped, so a rush is
-- served and not refused; no single seat is left between taken ones where the choice can avoid it; seats for wheelchairs
-- and beside them go to those who ask for them.
-- Left out on purpose: prices by seat; a kind of ticket has one price.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('seat_taken', 409, false, 'One of these seats is taken. Choose others; details.seat_ids names the seats.', 'Có ghế đã được người khác chọn. Vui lòng chọn ghế khác; các ghế này được nêu trong chi tiết.'),
  ('seats_not_together', 409, false, 'So many seats side by side are no longer free. Order fewer, or accept seats apart.', 'Không còn đủ ghế liền nhau. Vui lòng đặt ít hơn hoặc chấp nhận ghế rời nhau.'),
  ('seat_left_alone', 409, false, 'This choice leaves a single seat between taken ones. Move by one seat; details.seat_ids names the seat.', 'Cách chọn này để lại một ghế lẻ. Vui lòng dịch sang một ghế; ghế lẻ được nêu trong chi tiết.');

-- Whether a seat can be taken: on sale, and its last hold, if any, is over.
create function private.is_seat_free(p_seat_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return not exists (select from public.seat_allocations a where a.seat_id = p_seat_id and a.is_live and (a.held_until is null or a.held_until > now()));
end
$$;

-- Takes back seats of a row whose hold is over. Callers hold the lock of the row.
create function private.release_row_seats(p_row_id uuid)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  update public.seat_allocations a set is_live = false
  from public.seats s
  where s.row_id = p_row_id and a.seat_id = s.id and a.is_live and a.held_until <= now();
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform private.count_seat_row(p_row_id);
  end if;
  return v_count;
end
$$;

-- Those of a class, or of all. Rows that somebody else has are skipped.
create function private.release_over_seats(p_class_id uuid, p_limit int default 1000)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_row_id uuid;
  v_count int := 0;
begin
  for v_row_id in
    select r.id from public.seat_rows r
    where r.id in (
      select s.row_id from public.seat_allocations a join public.seats s on s.id = a.seat_id
      where a.is_live and a.held_until <= now() and (p_class_id is null or a.class_id = p_class_id))
    order by r.id
    limit p_limit
    for no key update skip locked
  loop
    v_count := v_count + private.release_row_seats(v_row_id);
  end loop;
  return v_count;
end
$$;

create function private.allocate_seats(p_order public.orders, p_class_id uuid, p_row_id uuid, p_seat_ids uuid[])
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into public.seat_allocations (seat_id, event_id, class_id, order_id, held_until)
  select s, p_order.event_id, p_class_id, p_order.id, p_order.hold_expires_at from unnest(p_seat_ids) s
  on conflict (order_id, seat_id) do update set is_live = true, held_until = excluded.held_until;
  perform private.count_seat_row(p_row_id);
end
$$;

-- The best so many seats side by side in a row, or null: first such that leave no single seat, then nearest to the middle.
create function private.best_in_row(p_row_id uuid, p_quantity int)
returns uuid[]
language plpgsql stable set search_path = ''
as $$
begin
  return (
    with free as (
      select s.id, s.position, s.position - row_number() over (order by s.position) as run
      from public.seats s
      where s.row_id = p_row_id and s.status = 'open' and s.kind = 'standard'
        and not exists (select from public.seat_allocations a where a.seat_id = s.id and a.is_live)
    ), runs as (
      select f.run, min(f.position) as first, max(f.position) as last from free f group by f.run having count(*) >= p_quantity
    ), choices as (
      select r.run, r.first, r.last, p as at, (p - r.first = 1)::int + (r.last - p - p_quantity + 1 = 1)::int as alone
      from runs r, generate_series(r.first, r.last - p_quantity + 1) p
    ), middle as (
      select avg(s.position) as at from public.seats s where s.row_id = p_row_id
    ), best as (
      select c.* from choices c, middle m order by c.alone, abs(c.at + (p_quantity - 1) / 2.0 - m.at), c.at limit 1
    )
    select array_agg(f.id order by f.position) from free f, best b where f.position between b.at and b.at + p_quantity - 1
  );
end
$$;

-- Best available seats of a class, side by side or anywhere; false when they are not there.
create function private.take_best_seats(p_order public.orders, p_class_id uuid, p_quantity int, p_together boolean)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_row_id uuid;
  v_seats uuid[];
  v_rest int := p_quantity;
begin
  -- the quick way: the best row that nobody has locked; first of those in which nobody is left alone
  begin
    for v_try in 1 .. 2 loop
      loop
        select r.id into v_row_id
        from public.seat_rows r
        where r.class_id = p_class_id and r.longest >= p_quantity and (v_try = 2 or r.longest = p_quantity or r.longest > p_quantity + 1)
        order by r.rank, r.id
        limit 1
        for no key update skip locked;
        exit when not found;
        v_seats := private.best_in_row(v_row_id, p_quantity);
        if v_seats is not null then
          perform private.allocate_seats(p_order, p_class_id, v_row_id, v_seats);
          return true;
        end if;
        -- what is written of the row was wrong
        perform private.count_seat_row(v_row_id);
      end loop;
    end loop;
    -- undo gives back the locks that were taken out of order
    raise exception 'slow' using errcode = 'JT001';
  exception
    when sqlstate 'JT001' then
      null;
  end;
  -- the slow way: rows that others had a moment ago, and those with holds that are over, in order
  for v_row_id in
    select r.id from public.seat_rows r
    where r.class_id = p_class_id and (case when p_together then r.longest >= p_quantity else r.free > 0 end or r.id in (
      select s.row_id from public.seat_allocations a join public.seats s on s.id = a.seat_id where a.class_id = p_class_id and a.is_live and a.held_until <= now()))
    order by r.id
    for no key update
  loop
    perform private.release_row_seats(v_row_id);
    if p_together then
      v_seats := private.best_in_row(v_row_id, p_quantity);
    else
      v_seats := array(
        select s.id from public.seats s
        where s.row_id = v_row_id and s.status = 'open' and s.kind = 'standard' and private.is_seat_free(s.id)
        order by s.position limit v_rest);
    end if;
    if cardinality(v_seats) > 0 then
      perform private.allocate_seats(p_order, p_class_id, v_row_id, v_seats);
      v_rest := v_rest - cardinality(v_seats);
    end if;
    exit when v_rest = 0;
  end loop;
  return v_rest = 0;
end
$$;

-- Seats that the buyer chose. Rows are locked in order; seats that are taken are named, and so is one that would be left
-- alone although another choice of as many seats in the same run would leave none.
create function private.take_chosen_seats(p_order public.orders, p_seat_ids uuid[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_row record;
  v_taken uuid[];
  v_alone uuid[];
begin
  perform 1 from public.seat_rows r where r.id in (select s.row_id from public.seats s where s.id = any (p_seat_ids)) order by r.id for no key update;
  for v_row in
    select s.row_id, s.class_id, array_agg(s.id order by s.position) as ids, min(s.position) as first, max(s.position) as last, count(*)::int as n
    from public.seats s where s.id = any (p_seat_ids) group by s.row_id, s.class_id order by s.row_id
  loop
    perform private.release_row_seats(v_row.row_id);
    v_taken := array(
      select s.id from public.seats s
      where s.id = any (v_row.ids) and (s.status <> 'open' or exists (select from public.seat_allocations a where a.seat_id = s.id and a.is_live)));
    if cardinality(v_taken) > 0 then
      perform private.fail('seat_taken', jsonb_build_object('seat_ids', to_jsonb(v_taken)));
    end if;
    -- free standard seats beside the choice that have no free neighbour left, in a run long enough to avoid it
    with free as (
      select s.id, s.position, s.id = any (v_row.ids) as chosen, s.position - row_number() over (order by s.position) as run
      from public.seats s
      where s.row_id = v_row.row_id and s.status = 'open' and s.kind = 'standard'
        and not exists (select from public.seat_allocations a where a.seat_id = s.id and a.is_live)
    ), runs as (
      select f.run, count(*) as long, count(*) filter (where f.chosen) as picked from free f group by f.run
    )
    select array_agg(f.id) into v_alone
    from free f join runs r on r.run = f.run
    where not f.chosen and r.picked > 0 and r.long - r.picked <> 1
      and not exists (select from free n where n.run = f.run and not n.chosen and abs(n.position - f.position) = 1);
    if cardinality(v_alone) > 0 then
      perform private.fail('seat_left_alone', jsonb_build_object('seat_ids', to_jsonb(v_alone)));
    end if;
    perform private.allocate_seats(p_order, v_row.class_id, v_row.row_id, v_row.ids);
  end loop;
end
$$;

-- Gives back the seats of an order: all, or those of some tickets.
create function private.release_seats(p_order_id uuid, p_seat_ids uuid[] default null)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_row_id uuid;
begin
  for v_row_id in
    select r.id from public.seat_rows r
    where r.id in (
      select s.row_id from public.seat_allocations a join public.seats s on s.id = a.seat_id
      where a.order_id = p_order_id and a.is_live and (p_seat_ids is null or a.seat_id = any (p_seat_ids)))
    order by r.class_id, r.id for no key update
  loop
    update public.seat_allocations a set is_live = false
    from public.seats s
    where a.order_id = p_order_id and a.is_live and s.id = a.seat_id and s.row_id = v_row_id and (p_seat_ids is null or s.id = any (p_seat_ids));
    perform private.count_seat_row(v_row_id);
  end loop;
end
$$;

create function private.add_seat_row(p_class_id uuid, p_section text, p_row_label text, p_rank int, p_seats jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_class public.ticket_classes := private.lock_class(p_class_id);
  v_row_id uuid;
  v_constraint text;
  v_column text;
begin
  if not v_class.has_seats then
    perform private.fail_input('class_id', 'must be a kind of ticket with seats');
  end if;
  if (case jsonb_typeof(p_seats) when 'array' then jsonb_array_length(p_seats) not between 1 and 200 else true end) or exists (
    select from jsonb_array_elements(p_seats) s
    where case when jsonb_typeof(s) <> 'object' then true else
      jsonb_typeof(s -> 'number') is distinct from 'string'
      or coalesce(s ->> 'kind', 'standard') not in ('standard', 'accessible', 'companion')
      or (s ? 'position' and not private.is_whole(s -> 'position', 1, 500))
      or exists (select from jsonb_object_keys(s) k where k not in ('number', 'kind', 'position')) end
  ) then
    perform private.fail_input('seats', 'must be 1 to 200 objects {number, position, kind}, where kind is standard, accessible or companion');
  end if;
  begin
    insert into public.seat_rows (event_id, class_id, section, row_label, rank)
    values (v_class.event_id, p_class_id, private.tidy_text(p_section), private.tidy_text(p_row_label), p_rank) returning id into v_row_id;
  exception
    when check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('seat_rows', v_constraint, v_column, '');
    when unique_violation then
      perform private.fail_input('row_label', 'must be a row that the section does not have yet');
  end;
  begin
    insert into public.seats (row_id, event_id, class_id, number, position, kind)
    select v_row_id, v_class.event_id, p_class_id, private.tidy_text(s.seat ->> 'number'), coalesce((s.seat ->> 'position')::int, s.i), coalesce(s.seat ->> 'kind', 'standard')
    from jsonb_array_elements(p_seats) with ordinality s (seat, i);
  exception
    when check_violation or unique_violation or not_null_violation then
      perform private.fail_input('seats', 'must have a number of 1 to 20 characters and a position each, no two the same');
  end;
  perform private.count_seat_row(v_row_id);
  perform private.resize_pool(p_class_id, v_class.total + jsonb_array_length(p_seats));
  return private.seat_row_view(v_row_id);
end
$$;

create function private.seat_row_view(p_row_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('id', r.id, 'event_id', r.event_id, 'class_id', r.class_id, 'section', r.section, 'row_label', r.row_label, 'rank', r.rank,
      'seats', (
        select jsonb_agg(jsonb_build_object('id', s.id, 'number', s.number, 'position', s.position, 'kind', s.kind, 'status', s.status,
          'is_free', s.status = 'open' and private.is_seat_free(s.id)) order by s.position)
        from public.seats s where s.row_id = r.id))
    from public.seat_rows r where r.id = p_row_id
  );
end
$$;

create function public.add_seat_row(class_id uuid, section text, row_label text, rank int, seats jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.add_seat_row(class_id, section, row_label, rank, seats) $$;
comment on function public.add_seat_row is 'Admin or editor of the organizer: adds a row of seats (1–200) to a kind of ticket with seats, whose total grows by them. seats [{number, position (default: its place in the list; a gap in positions is an aisle), kind (standard, accessible, companion)}]; rows of a smaller rank are sold first. Answers the row {id, event_id, class_id, section, row_label, rank, seats [{id, number, position, kind, status, is_free}]}. Errors: ticket_class_not_found, event_not_found, forbidden, event_not_editable, capacity_below_sold, invalid_input.';
select private.expose('add_seat_row(uuid, text, text, int, jsonb)', 'authenticated');

create function private.set_seats(p_seat_ids uuid[], p_status text)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_class_id uuid := (select s.class_id from public.seats s where s.id = p_seat_ids[1]);
  v_taken uuid[];
  v_row_id uuid;
  v_open int;
  v_count int;
begin
  if p_status is null or p_status not in ('open', 'held', 'killed') then
    perform private.fail_input('status', 'must be open, held or killed');
  end if;
  if cardinality(p_seat_ids) is distinct from (select count(*)::int from public.seats s where s.id = any (p_seat_ids) and s.class_id = v_class_id) or cardinality(p_seat_ids) > 1000 then
    perform private.fail_input('seat_ids', 'must be at most 1000 different seats of one kind of ticket');
  end if;
  perform private.lock_class(v_class_id);
  perform 1 from public.ticket_classes where id = v_class_id for update;
  for v_row_id in
    select r.id from public.seat_rows r where r.id in (select s.row_id from public.seats s where s.id = any (p_seat_ids)) order by r.id for no key update
  loop
    perform private.release_row_seats(v_row_id);
  end loop;
  v_taken := array(select a.seat_id from public.seat_allocations a where a.seat_id = any (p_seat_ids) and a.is_live);
  if cardinality(v_taken) > 0 and p_status <> 'open' then
    perform private.fail('seat_taken', jsonb_build_object('seat_ids', to_jsonb(v_taken)));
  end if;
  update public.seats s set status = p_status where s.id = any (p_seat_ids) and s.status <> p_status;
  get diagnostics v_count = row_count;
  perform private.count_seat_row(r.row_id) from (select distinct s.row_id from public.seats s where s.id = any (p_seat_ids)) r;
  select count(*)::int into v_open from public.seats s where s.class_id = v_class_id and s.status = 'open';
  perform private.resize_pool(v_class_id, v_open);
  return v_count;
end
$$;
create function public.set_seats(seat_ids uuid[], status text)
returns int
language sql volatile set search_path = ''
as $$ select private.set_seats(seat_ids, status) $$;
comment on function public.set_seats is 'Admin or editor of the organizer: takes seats of one kind of ticket out of the sale (held for guests, or killed), or puts them back (open); the total follows. Seats that are sold or held by buyers stay. Answers how many changed. Repeatable. Errors: ticket_class_not_found, event_not_found, forbidden, event_not_editable, seat_taken (details.seat_ids), capacity_below_sold (details.least), invalid_input.';
select private.expose('set_seats(uuid[], text)', 'authenticated');

create function private.seat_map(p_event_id uuid, p_section text)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_event public.events;
begin
  select * into v_event from public.events where id = p_event_id;
  if not found or not (private.may_see_event(v_event, auth.uid()) or private.is_staff() or v_event.organizer_id in (select private.my_organizer_ids())) then
    perform private.fail('event_not_found');
  end if;
  return query
    select private.seat_row_view(r.id) from public.seat_rows r
    where r.event_id = p_event_id and (p_section is null or r.section = p_section)
    order by r.section, r.rank, r.row_label
    limit 500;
end
$$;
create function public.seat_map(event_id uuid, section text default null)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.seat_map(event_id, section) $$;
comment on function public.seat_map is 'Lists the rows of seats of an event, or of one section, with each seat and whether it is free now; at most 500 rows. Rows as add_seat_row answers them. Errors: event_not_found.';
select private.expose('seat_map(uuid, text)', 'anon', 'authenticated');
