-- Receipts: issuing receipts and reading them.
-- Rule kept here: the counter is the last thing taken, so its lock lasts a moment; a repeat answers what was issued.
-- Left out on purpose: voiding one; a credit note corrects it.

-- The next number of a kind. A second caller waits until the first has committed or rolled back.
create function private.take_receipt_number(p_kind text, out series text, out seq bigint, out issued_at timestamptz)
language plpgsql volatile set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  series := case p_kind when 'receipt' then 'R' else 'C' end || to_char(v_now at time zone 'Asia/Ho_Chi_Minh', 'YYYY');
  insert into private.receipt_series as s (series, last_seq, last_issued_at) values (take_receipt_number.series, 1, v_now)
  on conflict on constraint receipt_series_pkey do update
  -- a caller that waited read the clock before the one it waited for
  set last_seq = s.last_seq + 1, last_issued_at = greatest(s.last_issued_at, excluded.last_issued_at)
  returning s.last_seq, s.last_issued_at into seq, issued_at;
end
$$;

-- By hand, as postgres: the next receipt of a series (R or C, and the year) gets the number after p_last.
create function private.skip_receipts(p_series text, p_last bigint, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_last_seq bigint;
begin
  if p_series !~ '^[RC][0-9]{4}$' then
    perform private.fail_input('series', 'must be R or C, and a year');
  end if;
  insert into private.receipt_series (series, last_seq, last_issued_at) values (p_series, 0, now()) on conflict do nothing;
  select last_seq into v_last_seq from private.receipt_series where series = p_series for update;
  if coalesce(p_last, 0) <= v_last_seq then
    perform private.fail_input('last', format('must be above %s, which was given out', v_last_seq));
  end if;
  insert into private.skipped_receipts (series, first_seq, last_seq, reason) values (p_series, v_last_seq + 1, p_last, private.tidy_lines(p_reason));
  update private.receipt_series set last_seq = p_last where series = p_series;
end
$$;

create function private.receipt_label(p_code text, p_locale text)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((select label from private.receipt_labels where code = p_code and locale = p_locale), p_code);
end
$$;

-- The buyer of a receipt in one line, as a mail says it.
create function private.buyer_text(p_buyer jsonb, p_locale text)
returns text
language sql immutable set search_path = ''
as $$
  select concat_ws(', ', p_buyer ->> 'name', case p_locale when 'vi' then 'MST ' else 'tax code ' end || nullif(p_buyer ->> 'tax_code', ''), nullif(p_buyer ->> 'address', ''))
$$;

create function private.issue_receipt(p_kind text, p_subject_id uuid)
returns public.receipts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
  v_payment public.payments;
  v_payable public.payables;
  v_buyer public.profiles;
  v_corrected public.receipts;
  v_receipt public.receipts;
  v_number record;
  v_total bigint;
  v_tax bigint;
  v_lines jsonb;
  v_paid jsonb;
  v_named jsonb;
  v_source private.receipt_sources;
  v_told jsonb;
  v_facts private.receipt_facts;
  v_row_kind text := case p_kind when 'credit_note' then 'credit_note' else 'receipt' end;
begin
  select * into v_source from private.receipt_sources where source = p_kind;
  if v_source.source is not null then
    execute format('select to_jsonb(f) from private.%I($1) f', v_source.facts_function) into v_told using p_subject_id;
    v_facts := jsonb_populate_record(null::private.receipt_facts, v_told);
  elsif p_kind is null or p_kind not in ('receipt', 'credit_note') then
    perform private.fail_input('kind', 'must be receipt, credit_note or a source of private.receipt_sources');
  end if;
  if p_kind = 'credit_note' then
    select * into v_refund from public.refunds where id = p_subject_id and status = 'succeeded';
  end if;
  -- two calls for the same payment or refund run one after the other
  select * into v_payment from public.payments
  where id = case p_kind when 'receipt' then p_subject_id when 'credit_note' then v_refund.payment_id else v_facts.payment_id end and settlement = 'kept'
  for no key update;
  if not found then
    perform private.fail('receipt_not_found');
  end if;
  select * into strict v_payable from public.payables where id = v_payment.payable_id;
  select * into v_receipt from public.receipts
  where payment_id = v_payment.id and kind = v_row_kind and refund_id is not distinct from v_refund.id
    and (source, source_id) is not distinct from (v_source.source, case when v_source.source is not null then p_subject_id end);
  if found then
    return v_receipt;
  end if;
  select * into strict v_buyer from public.profiles where id = v_payment.payer_id;

  if v_row_kind = 'receipt' then
    v_total := case when v_source.source is null then v_payable.sold_amount else v_facts.total end;
    v_named := private.buyer_of(v_buyer.id);
    v_tax := case when v_source.source is null then v_payable.tax_amount else v_facts.tax_amount end;
    select jsonb_agg(jsonb_build_object('label', private.receipt_label(l.line ->> 'code', v_buyer.locale), 'amount', l.line -> 'amount') order by l.i)
    into v_lines
    from jsonb_array_elements(case when v_source.source is null then private.lines_of(v_payable) else v_facts.lines end) with ordinality l (line, i);
    select jsonb_build_object('provider', a.provider, 'transaction_id', a.provider_transaction_id, 'paid_at', v_payment.succeeded_at)
    into v_paid
    from public.payment_attempts a where a.payment_id = v_payment.id and a.status = 'succeeded';
  else
    v_total := v_refund.credit_amount;
    v_tax := v_refund.credit_tax_amount;
    v_paid := jsonb_build_object('provider', v_refund.provider, 'transaction_id', coalesce(v_refund.provider_refund_id, v_refund.id::text),
      'paid_at', v_refund.completed_at);
  end if;
  if v_total <= 0 then
    perform private.fail('receipt_not_found');
  end if;
  if p_kind = 'credit_note' then
    -- it names the receipt it corrects, which may still be waiting in the outbox
    v_corrected := private.issue_receipt('receipt', v_payment.id);
    -- to whom that one was made out, whatever the buyer has set since
    v_named := v_corrected.content -> 'buyer';
    v_lines := jsonb_build_array(jsonb_build_object(
      'label', private.render(private.receipt_label('credit', v_buyer.locale), jsonb_build_object('number', v_corrected.number), v_buyer.locale), 'amount', v_total));
  end if;

  v_number := private.take_receipt_number(v_row_kind);
  insert into public.receipts (series, seq, kind, user_id, payment_id, refund_id, payable_id, source, source_id, corrects_id, issued_at, currency, total, content)
  values (
    v_number.series, v_number.seq, v_row_kind, v_buyer.id, v_payment.id, v_refund.id, v_payable.id,
    v_source.source, case when v_source.source is not null then p_subject_id end, v_corrected.id, v_number.issued_at,
    v_payment.currency, v_total, jsonb_build_object(
      'kind', v_row_kind, 'issued_at', v_number.issued_at, 'locale', v_buyer.locale, 'currency', v_payment.currency,
      'total', v_total, 'tax', v_tax, 'seller', private.setting('seller'),
      'buyer', v_named,
      'payable', private.payable_view(v_payable.id),
      'lines', v_lines, 'payment', v_paid,
      'number', private.receipt_number(v_number.series, v_number.seq))
  )
  returning * into v_receipt;
  perform private.notify(v_buyer.id, coalesce(v_source.template, v_row_kind || '_issued'), private.payable_data(v_payable) || jsonb_build_object(
    'receipt_id', v_receipt.id, 'number', v_receipt.number,
    'total', private.money_value(v_total, v_payment.currency), 'buyer', private.buyer_text(v_named, v_buyer.locale),
    'summary', (select string_agg((l ->> 'label') || ': ' || private.format_money((l ->> 'amount')::bigint, v_payment.currency, v_buyer.locale), E'\n' order by i)
      from jsonb_array_elements(v_lines) with ordinality u (l, i))
  ), v_receipt.id::text);
  return v_receipt;
end
$$;
create function public.issue_receipt(kind text, subject_id uuid)
returns public.receipts
language sql volatile set search_path = ''
as $$ select private.issue_receipt(kind, subject_id) $$;
comment on function public.issue_receipt is 'Issues the receipt of a payment, the credit note of a refund, or the receipt of a source such as deposit_capture, and tells the payer by mail. A repeat answers the one already issued. Service only. Errors: invalid_input, receipt_not_found (no such payment that was kept, no such refund or capture, or nothing of it to receipt).';
select private.expose('issue_receipt(text, uuid)', 'service_role');

create function public.my_receipts(after jsonb default null, page_size int default 20)
returns setof public.receipts
language plpgsql stable set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(after, 'issued_at', page_size);
begin
  return query
    select r.*
    from public.receipts r
    where r.user_id = v_user_id
      and (v_start.id is null or (r.issued_at, r.id) < (v_start.at, v_start.id))
    order by r.issued_at desc, r.id desc
    limit page_size;
end
$$;
comment on function public.my_receipts is 'Lists the caller''s receipts and credit notes, newest first. `after` takes {issued_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_receipts(jsonb, int)', 'authenticated');

create function public.receipt(receipt_id uuid)
returns public.receipts
language plpgsql stable set search_path = ''
as $$
declare
  v_receipt public.receipts;
begin
  perform private.require_user();
  select * into v_receipt from public.receipts where id = receipt_id;
  if not found then
    perform private.fail('receipt_not_found');
  end if;
  return v_receipt;
end
$$;
comment on function public.receipt is 'Answers one receipt of the caller; admins may ask for any. `content` is what is printed: {number, kind, issued_at, locale, currency, total, tax, seller {name, address, tax_code}, buyer {name, address, tax_code}, payable {id, kind, code, title, starts_at, ends_at, amount, currency}, lines [{label, amount}], payment {provider, transaction_id, paid_at}}. Amounts are in minor units. Errors: receipt_not_found.';
select private.expose('receipt(uuid)', 'authenticated');
