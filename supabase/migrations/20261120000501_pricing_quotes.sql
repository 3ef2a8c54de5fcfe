-- Pricing: quotes, the only place a price comes from.
-- Rule kept here: a quote is immutable, short-lived, its lines add up to its total, and its total splits
-- without remainder into deposit, host, platform and tax.
-- What is between host and platform (their parts, the commission) is not the renter's to read.
-- Left out on purpose: the arithmetic, which is the pure library in functions/_shared/pricing.

create table public.quotes (
  id uuid primary key default gen_random_uuid(),
  renter_id uuid not null references public.profiles on delete restrict,
  vehicle_id uuid not null references public.vehicles on delete restrict,
  period tstzrange not null,
  starts_at timestamptz not null generated always as (lower(period)) stored,
  ends_at timestamptz not null generated always as (upper(period)) stored,
  currency text not null,
  lines jsonb not null,
  total_amount bigint not null,
  deposit_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  tax_amount bigint not null,
  commission_bps int not null,
  discount_id uuid,
  discount_amount bigint not null default 0,
  cancellation_policy jsonb not null,
  facts jsonb not null,
  pricing_version text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint quotes_lines_sum check (private.sum_line_amounts(lines) = total_amount),
  constraint quotes_split_sum check (deposit_amount + host_amount + platform_amount + tax_amount = total_amount),
  constraint quotes_amounts_not_negative check (least(total_amount, deposit_amount, host_amount, tax_amount, discount_amount) >= 0),
  -- what a discount takes off, the platform pays
  constraint quotes_platform_pays_discount check (platform_amount >= -discount_amount),
  constraint quotes_discount_complete check ((discount_amount > 0) = (discount_id is not null)),
  constraint quotes_discount_is_a_line check (private.sum_line_amounts(jsonb_path_query_array(lines, '$[*] ? (@.code == "discount")')) = -discount_amount),
  constraint quotes_commission_range check (commission_bps between 0 and 10000),
  -- what costs nothing more, such as some hours that a charged day covers already, has no line
  constraint quotes_has_lines check (jsonb_array_length(lines) between (total_amount > 0)::int and 30)
);
create index quotes_renter_idx on public.quotes (renter_id, created_at desc);
create index quotes_vehicle_idx on public.quotes (vehicle_id);
comment on table public.quotes is 'The agreed price of a trip, with itemised lines in minor units. A quote can be used until expires_at, by one booking at most.';
comment on column public.quotes.lines is 'What the price is made of, in order: [{code, quantity, unit_amount, amount}]. Their amounts add up to total_amount; a discount is negative.';
comment on column public.quotes.total_amount is 'What the renter pays, the deposit included; minor units of `currency`, as all amounts here.';
comment on column public.quotes.deposit_amount is 'The part that is given back after the trip.';
comment on column public.quotes.host_amount is 'The part that the host earns, commission taken off.';
comment on column public.quotes.platform_amount is 'The part that stays with us: commission, service fee and insurance, without tax, less the discount. Negative when the discount is more than that: then we pay the difference to the host.';
comment on column public.quotes.discount_id is 'The code whose use a booking takes. Null without one.';
comment on column public.quotes.discount_amount is 'What the code takes off. It is the line discount, and is before tax.';
comment on column public.quotes.tax_amount is 'VAT, which is owed to the state.';
comment on column public.quotes.cancellation_policy is '{code, tiers: [{hours_before, refund_bps}]} as it was when the quote was made; a booking keeps it.';
comment on column public.quotes.commission_bps is 'The share of the rental that the platform takes from the host.';
comment on column public.quotes.facts is 'Everything that the price was computed from, as it was then: listing, rates, options.';
comment on column public.quotes.pricing_version is 'Version of the pricing library that computed it.';
comment on column public.quotes.expires_at is 'No booking is made from it later. Written from the setting quote_minutes.';
create trigger immutable before update on public.quotes for each statement execute function private.forbid_change();

alter table public.quotes enable row level security;
revoke all on public.quotes from anon, authenticated, service_role;
grant select on public.quotes to service_role;
grant select (
  id, renter_id, vehicle_id, period, starts_at, ends_at, currency, lines, total_amount, deposit_amount, tax_amount,
  discount_id, discount_amount, cancellation_policy, facts, pricing_version, created_at, expires_at
) on public.quotes to authenticated;
create policy select_renter on public.quotes for select to authenticated
  using (renter_id = (select auth.uid()) or (select private.is_staff()));

create function private.quote_facts(p_renter_id uuid, p_vehicle_id uuid, p_starts_at timestamptz, p_ends_at timestamptz, p_options jsonb, p_discount_code text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles;
  v_reasons private.eligibility_reason[];
  v_discount jsonb;
begin
  perform private.take_token('quote', p_renter_id::text);
  v_vehicle := private.listing_to_rent(p_vehicle_id);
  v_reasons := private.all_rental_reasons(p_renter_id, v_vehicle, p_starts_at, p_ends_at);
  if cardinality(v_reasons) > 0 then
    perform private.fail(v_reasons[1].code, v_reasons[1].details);
  end if;
  if p_discount_code is not null then
    v_discount := private.discount_terms(private.find_discount(p_discount_code, 'rental', p_renter_id));
  end if;
  return jsonb_build_object(
    'currency', v_vehicle.currency,
    'time_zone', v_vehicle.time_zone,
    'starts_at', p_starts_at,
    'ends_at', p_ends_at,
    'price_per_hour', v_vehicle.price_per_hour,
    'price_per_day', v_vehicle.price_per_day,
    'weekend_bps', v_vehicle.weekend_bps,
    'long_stay_days', v_vehicle.long_stay_days,
    'long_stay_discount_bps', v_vehicle.long_stay_discount_bps,
    'delivery_fee', v_vehicle.delivery_fee,
    'security_deposit', v_vehicle.security_deposit,
    'rates', private.setting('rates'),
    'options', coalesce(p_options, '{}'),
    'discount', v_discount,
    'cancellation_policy', jsonb_build_object(
      'code', v_vehicle.cancellation_policy,
      'tiers', private.setting('cancellation_policies') -> v_vehicle.cancellation_policy
    ),
    'quote_minutes', private.setting('quote_minutes')
  ) || private.special_prices(v_vehicle, p_starts_at, p_ends_at);
end
$$;
create function public.quote_facts(renter_id uuid, vehicle_id uuid, starts_at timestamptz, ends_at timestamptz, options jsonb default '{}', discount_code text default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.quote_facts(renter_id, vehicle_id, starts_at, ends_at, options, discount_code) $$;
comment on function public.quote_facts is 'Answers everything that the pricing library needs to price a trip for this person. Service only. Errors: vehicle_not_found, own_vehicle, vehicle_not_published, booking_not_possible, account_suspended, score_too_low, vehicle_unavailable, already_held (details.booking_id), email_unverified, phone_unverified, period_invalid, period_in_past, period_too_short, period_too_long, notice_too_short, vehicle_papers_end, vehicle_closed, licence_required, licence_class_mismatch, licence_expires_early, licence_holder_too_young, discount_not_found, discount_used_up, discount_already_used, discount_first_only, invalid_input, rate_limited.';

create function private.store_quote(p_renter_id uuid, p_vehicle_id uuid, p_starts_at timestamptz, p_ends_at timestamptz, p_priced jsonb, p_facts jsonb)
returns public.quotes
language sql volatile security definer set search_path = ''
as $$
  insert into public.quotes (
    renter_id, vehicle_id, period, currency, lines, total_amount, deposit_amount, host_amount, platform_amount,
    tax_amount, commission_bps, discount_id, discount_amount, cancellation_policy, facts, pricing_version, expires_at
  ) values (
    p_renter_id, p_vehicle_id, tstzrange(p_starts_at, p_ends_at), p_facts ->> 'currency', p_priced -> 'lines',
    (p_priced ->> 'total_amount')::bigint, (p_priced ->> 'deposit_amount')::bigint, (p_priced ->> 'host_amount')::bigint,
    (p_priced ->> 'platform_amount')::bigint, (p_priced ->> 'tax_amount')::bigint,
    (p_facts -> 'rates' ->> 'commission_bps')::int,
    case when (p_priced ->> 'discount_amount')::bigint > 0 then (p_facts -> 'discount' ->> 'id')::uuid end, coalesce((p_priced ->> 'discount_amount')::bigint, 0),
    p_facts -> 'cancellation_policy',
    p_facts #- '{rates,commission_bps}', p_priced ->> 'version', now() + make_interval(mins => (p_facts ->> 'quote_minutes')::int)
  )
  returning *
$$;
create function public.store_quote(renter_id uuid, vehicle_id uuid, starts_at timestamptz, ends_at timestamptz, priced jsonb, facts jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$
  select to_jsonb(q) - array['host_amount', 'platform_amount', 'commission_bps']
  from private.store_quote($1, $2, $3, $4, $5, $6) q
$$;
comment on function public.store_quote is 'Stores a quote that the pricing library computed, and answers it as its renter may read it. Constraints refuse lines or parts that do not add up. Service only.';
select private.expose_limited('quote_facts(uuid, uuid, timestamptz, timestamptz, jsonb, text)', 'quote', 'renter_id', 'service_role');
select private.expose('store_quote(uuid, uuid, timestamptz, timestamptz, jsonb, jsonb)', 'service_role');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.quotes', 'r.renter_id = $1', 'retain', null, 'Says what was agreed in a trip. It describes the vehicle and the price.');
select private.retain_columns('public.quotes', 'How the price came about.', 'lines', 'cancellation_policy', 'facts', 'pricing_version', 'currency');
