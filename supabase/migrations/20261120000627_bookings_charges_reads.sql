-- Bookings: reading what a trip cost beyond its price, and its charges.
-- Rule kept here: both sides read the same, in the state of now.
-- Left out on purpose: the payment of the rest, which is read as any payment.

create function private.trip_costs(p_booking_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_booking public.bookings;
begin
  select * into v_booking from public.bookings where id = p_booking_id;
  perform private.booking_side(v_booking);
  return private.costs_of_trip(v_booking) || jsonb_build_object(
    'claim_until', v_booking.claim_until, 'deposit_left', private.deposit_left(v_booking),
    'terms', (select q.trip_terms from public.quotes q where q.id = v_booking.quote_id),
    'kinds', (select jsonb_agg(to_jsonb(k) order by k.kind) from private.charge_kinds k));
end
$$;
create function public.trip_costs(booking_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.trip_costs(booking_id) $$;
comment on function public.trip_costs is 'Answers what the records of a trip say that it cost beyond its price, in minor units with tax: {currency, fuel {check_in_percent, check_out_percent}, km {driven_km, allowed_km, excess_km, fee_per_km, amount, tax_amount}, late {due_at, returned_at, late_minutes, grace_minutes, hour_fee, day_fee, amount, tax_amount}, claim_until, deposit_left, terms, kinds [{kind, silence, max_amount, is_computed, needs_evidence}]}. fuel, km and late are null where nothing was recorded that counts, km also where kilometres are free. Errors: booking_not_found.';
select private.expose('trip_costs(uuid)', 'authenticated');

-- A charge as lists show it. The time decides what it is; what follows from that is written a moment later.
create function private.charge_view(p_charge public.booking_charges)
returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(p_charge) || jsonb_build_object(
    'status', private.charge_state(p_charge),
    'payment_id', (select p.id from public.payments p where p.payable_id = p_charge.id),
    'evidence', coalesce((
      select jsonb_agg(jsonb_build_object('media_id', m.id, 'bucket', m.bucket, 'path', m.path, 'status', m.status) order by m.created_at, m.id)
      from public.charge_evidence e join public.media m on m.id = e.media_id where e.charge_id = p_charge.id), '[]'))
$$;

create function private.charges_of_booking(p_booking_id uuid)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.booking_side(b) from (select (select b from public.bookings b where b.id = p_booking_id) as b) s;
  return query select private.charge_view(c) from public.booking_charges c where c.booking_id = p_booking_id order by c.created_at, c.id;
end
$$;
create function public.charges_of_booking(booking_id uuid)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.charges_of_booking(booking_id) $$;
comment on function public.charges_of_booking is 'Lists the charges of a trip for either side, oldest first, in their state of now: each with `payment_id` (of the rest that the deposit did not cover, or null) and `evidence` [{media_id, bucket, path, status}]. Errors: booking_not_found.';
select private.expose('charges_of_booking(uuid)', 'authenticated');

create function private.list_charges(p_status text, p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_staff();
  if p_status is null or p_status not in ('disputed', 'unpaid') then
    perform private.fail_input('status', 'must be disputed or unpaid');
  end if;
  return query
    select private.charge_view(c) || jsonb_build_object('code', b.code, 'renter_id', b.renter_id, 'host_id', b.host_id,
      'deposit_left', private.deposit_left(b), 'frozen', private.is_frozen(b.id))
    from public.booking_charges c
    join public.bookings b on b.id = c.booking_id
    where c.status in ('proposed', 'accepted', 'disputed', 'unpaid') and private.charge_state(c) = p_status
      and (v_start.id is null or (c.created_at, c.id) > (v_start.at, v_start.id))
    order by c.created_at, c.id
    limit p_page_size;
end
$$;
create function public.list_charges(status text default 'disputed', after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.list_charges(status, after, page_size) $$;
comment on function public.list_charges is 'Staff: lists charges that are disputed (decide_charge) or unpaid, oldest first, each as charges_of_booking answers it, with `code`, `renter_id`, `host_id`, `deposit_left` and `frozen`. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_charges(text, jsonb, int)', 'authenticated');
