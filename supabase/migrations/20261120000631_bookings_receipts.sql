-- Bookings: receipts of what was taken of a deposit.
-- Rule kept here: a deposit is on no receipt while it is only held; what is captured of it has a receipt of its own, with
-- the tax in it, ordered in the transaction that captures it.
-- Left out on purpose: receipts of extensions and of the rest of a charge, which are payments and have theirs like any other.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('deposit_receipt_issued', 'en', 'payment', 'Receipt {{number}}', '{{total}} of your deposit for {{code}} was used. The receipt is ready.', 'Receipt {{number}} for {{code}}', E'Receipt {{number}}\n{{title}}, {{code}}\nCustomer: {{buyer}}\n\n{{summary}}\n\nTotal: {{total}}\n\nThis was taken from your deposit. What is left of it goes back to you. You can print the receipt in the app.'),
  ('deposit_receipt_issued', 'vi', 'payment', 'Biên nhận {{number}}', '{{total}} trong tiền cọc của đơn {{code}} đã được sử dụng. Đã có biên nhận.', 'Biên nhận {{number}} cho đơn {{code}}', E'Biên nhận {{number}}\n{{title}}, đơn {{code}}\nKhách hàng: {{buyer}}\n\n{{summary}}\n\nTổng cộng: {{total}}\n\nKhoản này được trừ từ tiền cọc của bạn. Phần còn lại sẽ được hoàn cho bạn. Bạn có thể in biên nhận trong ứng dụng.');

create function private.capture_receipt_facts(p_capture_id uuid)
returns private.receipt_facts
language plpgsql stable set search_path = ''
as $$
declare
  v_facts private.receipt_facts;
begin
  select p.id, k.amount, k.tax_amount, jsonb_path_query_array(jsonb_build_array(
      jsonb_build_object('code', k.code, 'amount', k.amount - k.tax_amount), jsonb_build_object('code', 'vat', 'amount', k.tax_amount)),
    '$[*] ? (@.amount != 0)')
  into v_facts
  from public.deposit_captures k
  -- the deposit came with it
  join public.payments p on p.payable_id = k.booking_id
  where k.id = p_capture_id;
  return v_facts;
end
$$;
insert into private.receipt_sources (source, facts_function, template) values
  ('deposit_capture', 'capture_receipt_facts', 'deposit_receipt_issued');

create function private.enqueue_capture_receipt()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.enqueue('receipt', jsonb_build_object('kind', 'deposit_capture', 'subject_id', new.id), 'deposit_capture:' || new.id);
  return null;
end
$$;
create trigger enqueue_receipt after insert on public.deposit_captures
  for each row execute function private.enqueue_capture_receipt();

-- Every receipt and credit note of a trip: of its payment, its extensions, its charges and its captures.
create function private.receipts_of_booking(p_booking_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((
    select jsonb_agg(jsonb_build_object('id', r.id, 'number', r.number, 'kind', r.kind, 'source', r.source, 'source_id', r.source_id,
      'payable_id', r.payable_id, 'total', r.total, 'currency', r.currency, 'issued_at', r.issued_at) order by r.issued_at, r.id)
    from public.receipts r
    where r.payable_id = p_booking_id or r.payable_id in (select y.id from public.payables y where y.part_of = p_booking_id)), '[]');
end
$$;

create function private.invariant_capture_receipt_missing()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select k.id::text, k.amount || ' taken of the deposit of booking ' || k.booking_id
  from public.deposit_captures k
  where not exists (select from public.receipts r where r.source = 'deposit_capture' and r.source_id = k.id)
    and not exists (select from private.outbox o where o.topic = 'receipt' and o.dedupe_key = 'deposit_capture:' || k.id and o.status in ('pending', 'leased', 'dead'))
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('capture_receipt_missing', 'warning', 'Part of a deposit was taken and has no receipt, and the outbox has no row that would issue it.',
    'As postgres, run: select public.issue_receipt(''deposit_capture'', ''<capture>'').');
