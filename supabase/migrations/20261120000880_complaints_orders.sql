-- Complaints: about orders of tickets.
-- Rule kept here: the buyer complains, or who sells for the organizer; until complaint_days after the end of the event.
-- Left out on purpose: holders who were given a ticket. The buyer, who paid, complains for them.

create function private.order_complaint_parties(p_payable_id uuid)
returns setof private.complaint_party
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select o.buyer_id, 'buyer' from public.orders o where o.id = p_payable_id
    union all
    select k.user_id, 'organizer'
    from (
      select m.user_id from public.orders o
      join public.events e on e.id = o.event_id
      join public.organizers r on r.id = e.organizer_id
      join public.organizer_members m on m.organizer_id = r.id and m.role in ('admin', 'editor')
      -- one person is on one side
      where o.id = p_payable_id and m.user_id <> o.buyer_id
      -- a conversation with a hundred people helps nobody
      order by m.user_id <> r.owner_id, m.role, m.created_at, m.user_id
      limit 10
    ) k;
end
$$;

create function private.order_complaint_window(p_payable_id uuid)
returns tstzrange
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select tstzrange(o.completed_at, greatest(e.ends_at, o.cancelled_at) + make_interval(days => (private.setting('complaint_days'))::int))
    from public.orders o join public.events e on e.id = o.event_id
    where o.id = p_payable_id and o.completed_at is not null and o.total_amount > 0
  );
end
$$;

create function private.order_complaint_record(p_payable_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'code', o.code, 'status', o.status, 'buyer_id', o.buyer_id, 'completed_at', private.record_time(o.completed_at), 'cancelled_at', private.record_time(o.cancelled_at),
      'event', jsonb_build_object('id', e.id, 'organizer_id', e.organizer_id, 'title', e.title, 'description', e.description, 'venue', e.venue, 'address', e.address,
        'city', e.city, 'status', e.status, 'starts_at', private.record_time(e.starts_at), 'ends_at', private.record_time(e.ends_at)),
      'items', (
        select jsonb_agg(jsonb_build_object('class', c.name, 'quantity', i.quantity, 'unit_price', i.unit_price, 'amount', i.amount, 'tax_amount', i.tax_amount) order by c.position, c.name)
        from public.order_items i join public.ticket_classes c on c.id = i.class_id where i.order_id = o.id),
      'tickets', (
        select jsonb_agg(jsonb_build_object('number', t.number, 'status', t.status, 'holder_id', t.holder_id, 'paid_amount', t.paid_amount,
          'admitted_at', private.record_time(t.admitted_at)) order by t.number)
        from public.tickets t where t.order_id = o.id))
    from public.orders o join public.events e on e.id = o.event_id where o.id = p_payable_id
  );
end
$$;

insert into private.complaint_kinds (kind, lock_function, parties_function, window_function, record_function) values
  ('order', 'lock_order_payable', 'order_complaint_parties', 'order_complaint_window', 'order_complaint_record');

insert into public.complaint_categories (kind, side, category, name_en, name_vi, position) values
  ('order', 'buyer', 'not_as_described', 'The event was not as described', 'Sự kiện không đúng mô tả', 1),
  ('order', 'buyer', 'refused_entry', 'I was not let in with a valid ticket', 'Tôi có vé hợp lệ nhưng không được vào', 2),
  ('order', 'buyer', 'wrong_seat', 'I did not get the seat that I paid for', 'Tôi không được ngồi đúng chỗ đã mua', 3),
  ('order', 'buyer', 'other', 'Something else', 'Vấn đề khác', 100),
  ('order', 'organizer', 'misuse', 'The tickets were misused', 'Vé bị sử dụng sai mục đích', 1),
  ('order', 'organizer', 'other', 'Something else', 'Vấn đề khác', 100);
