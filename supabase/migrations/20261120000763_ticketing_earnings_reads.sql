-- Ticketing: what organizers read of their earnings, who is told, and what must hold.
-- Rule kept here: the statement adds up for each event: what valid tickets cost is tax, fee and what the owner gets.
-- Left out on purpose: bank accounts, payouts and their statements, which are those of payouts for every earner.

create function private.organizer_earnings(p_organizer_id uuid, p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'ends_at', p_page_size);
  v_days interval := private.setting('organizer_payout_days')::int * interval '1 day';
  v_fee_bps int := private.setting('ticket_fee_bps')::int;
begin
  perform private.require_organizer_role(p_organizer_id, 'admin');
  return query
    select jsonb_build_object('id', e.id, 'title', e.title, 'ends_at', e.ends_at, 'status', private.event_state(e), 'currency', 'VND',
      'tickets', t.tickets, 'gross', t.gross, 'tax', t.tax, 'fee', t.fee, 'net', t.gross - t.tax - t.fee,
      'earned', t.earned, 'waiting', t.gross - t.tax - t.fee - t.earned, 'frozen', t.frozen, 'refunded', t.refunded,
      'due_at', case when e.status in ('published', 'ended') then e.ends_at + v_days end)
    from (
      select * from public.events e
      where e.organizer_id = p_organizer_id and e.published_at is not null and (v_start.id is null or (e.ends_at, e.id) < (v_start.at, v_start.id))
      order by e.ends_at desc, e.id desc
      limit p_page_size
    ) e
    cross join lateral (
      select count(t.id) filter (where t.status = 'valid') as tickets,
        coalesce(sum(t.paid_amount) filter (where t.status = 'valid'), 0)::bigint as gross,
        coalesce(sum(t.tax_amount) filter (where t.status = 'valid'), 0)::bigint as tax,
        coalesce(sum((t.paid_amount - t.tax_amount) * coalesce(k.fee_bps, v_fee_bps) / 10000) filter (where t.status = 'valid'), 0)::bigint as fee,
        coalesce(sum(t.paid_amount - t.tax_amount - (t.paid_amount - t.tax_amount) * k.fee_bps / 10000) filter (where t.status = 'valid' and k.order_id is not null), 0)::bigint as earned,
        coalesce(sum(t.paid_amount) filter (where t.status = 'valid' and k.order_id is null and private.is_frozen(t.order_id)), 0)::bigint as frozen,
        coalesce(sum(t.paid_amount) filter (where t.status = 'cancelled'), 0)::bigint as refunded
      from public.tickets t left join private.order_earnings k on k.order_id = t.order_id
      where t.event_id = e.id
    ) t
    order by e.ends_at desc, e.id desc;
end
$$;
create function public.organizer_earnings(organizer_id uuid, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.organizer_earnings(organizer_id, after, page_size) $$;
comment on function public.organizer_earnings is 'Admin of the organizer, or admin: what its events earn, the latest first: {id (of the event), title, ends_at, status, currency, tickets (valid ones), gross (what was paid for them), tax, fee (of the platform), net (what the owner gets), earned (in the owner''s balance already), waiting (not yet), frozen (of gross, kept back), refunded (given back for cancelled tickets), due_at (when it becomes the owner''s; null without a date)}. Amounts in minor units. my_balance and my_payouts of the owner say what is paid out. `after` takes {ends_at, id} of the last row. Errors: organizer_not_found, forbidden, invalid_input.';
select private.expose('organizer_earnings(uuid, jsonb, int)', 'authenticated');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('event_earned', 'en', 'tickets', 'Your earnings from {{event}}', '{{amount}} from {{event}} are in your balance and go with your next payout.', 'Your earnings from {{event}}', E'{{amount}} from {{event}} are in your balance, after tax and our fee.\n\nThey go with your next payout to your bank account. If you have not named one yet, add it in the app.'),
  ('event_earned', 'vi', 'tickets', 'Thu nhập từ {{event}}', '{{amount}} từ {{event}} đã vào số dư của bạn và sẽ được chuyển trong lần chi trả tới.', 'Thu nhập từ {{event}}', E'{{amount}} từ {{event}} đã vào số dư của bạn, sau thuế và phí dịch vụ.\n\nSố tiền này sẽ được chuyển vào tài khoản ngân hàng của bạn trong lần chi trả tới. Nếu chưa có tài khoản, hãy thêm trong ứng dụng.');

create function private.tell_earnings(p_event_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_told record;
begin
  for v_told in
    select k.owner_id, e.title, sum(g.amount - g.tax - g.fee)::bigint as net
    from private.order_earnings k
    join public.events e on e.id = k.event_id
    cross join lateral private.earning_of(k.order_id, k.fee_bps) g
    where k.event_id = p_event_id
    group by k.owner_id, e.title
    having sum(g.amount - g.tax - g.fee) > 0
  loop
    perform private.notify(v_told.owner_id, 'event_earned',
      jsonb_build_object('event_id', p_event_id, 'event', v_told.title, 'amount', private.money_value(v_told.net, 'VND')), 'event ' || p_event_id);
  end loop;
end
$$;

create function private.account_blocker_unearned_tickets(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select distinct e.id
  from public.events e join public.organizers g on g.id = e.organizer_id
  join public.orders o on o.event_id = e.id and o.status = 'completed' and o.total_amount > 0
  where g.owner_id = p_user_id and e.status in ('published', 'ended') and not exists (select from private.order_earnings k where k.order_id = o.id)
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('unearned_tickets', 'Money for tickets to your events has not been paid out yet. Wait until it has arrived.', 'Tiền bán vé sự kiện của bạn chưa được chi trả hết. Vui lòng chờ đến khi nhận được tiền.');

create function private.invariant_earnings_overdue()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, 'event ended at ' || e.ends_at
  from public.events e
  join public.orders o on o.event_id = e.id and o.status = 'completed' and o.total_amount > 0
  where e.status in ('published', 'ended') and e.ends_at < now() - (select s.value::int from private.settings s where s.key = 'organizer_payout_days') * interval '1 day' - interval '2 days'
    and not exists (select from private.order_earnings k where k.order_id = o.id)
    and not exists (select from private.payable_freezes f where f.payable_id = o.id and f.ended_at is null)
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('earnings_overdue', 'warning', 'The money of an order is in escrow days after it should have become its organizer''s.',
    'Look whether the job journey_ticket_earnings runs. A warning of the database log names an order whose money cannot leave escrow, and why.');
