-- Foundation: settings an operator may change in Studio without a deployment.
-- Rule kept here: money agreed upon never reads from here again; rates are copied into the quote.
-- Left out on purpose: secrets of the outside world, which live in the functions' environment.

create function private.is_whole(p_value jsonb, p_from bigint, p_to bigint)
returns boolean
language sql immutable set search_path = ''
as $$
  select coalesce(case when jsonb_typeof(p_value) = 'number' then (p_value #>> '{}')::numeric between p_from and p_to and (p_value #>> '{}')::numeric % 1 = 0 end, false)
$$;

-- Every policy has tiers, and every tier a time and a share.
create function private.are_policies(p_value jsonb)
returns boolean
language sql immutable set search_path = ''
as $$
  select coalesce(bool_and(
    private.is_whole(t.tier -> 'hours_before', 0, 8760) and private.is_whole(t.tier -> 'refund_bps', 0, 10000)
  ), false)
  from jsonb_each(case when jsonb_typeof(p_value) = 'object' then p_value else '{}' end) p
  left join lateral jsonb_array_elements(case when jsonb_typeof(p.value) = 'array' then p.value else '[]' end) t (tier) on true
$$;

-- A wrong value would be heard of only when somebody books; each setting's own rule stands here or where it is made.
create table private.settings (
  key text primary key,
  value jsonb not null,
  description text not null,
  -- what the documentation writes where a value is to be put
  constraint settings_not_a_placeholder check (value::text not like '%…%'),
  constraint settings_hold_minutes check (key <> 'hold_minutes' or private.is_whole(value, 1, 1440)),
  constraint settings_quote_minutes check (key <> 'quote_minutes' or private.is_whole(value, 1, 1440)),
  constraint settings_claim_window_hours check (key <> 'claim_window_hours' or private.is_whole(value, 1, 720)),
  constraint settings_booking_horizon_days check (key <> 'booking_horizon_days' or private.is_whole(value, 1, 1095)),
  constraint settings_rates check (key <> 'rates' or (
    private.is_whole(value -> 'commission_bps', 0, 10000) and private.is_whole(value -> 'service_fee_bps', 0, 10000)
    and private.is_whole(value -> 'vat_bps', 0, 10000) and private.is_whole(value #> '{insurance,basic}', 0, 10000)
    and private.is_whole(value #> '{insurance,premium}', 0, 10000)
  )),
  constraint settings_cancellation_policies check (key <> 'cancellation_policies' or (private.are_policies(value) and value ?& '{flexible,moderate,strict}')),
  constraint settings_fuzz_metres check (key <> 'fuzz_metres' or (
    private.is_whole(value -> 'min', 1, 10000) and private.is_whole(value -> 'max', 1, 10000) and value -> 'min' <= value -> 'max'
  ))
);
comment on table private.settings is 'Operator settings, one JSON value each. Changing one affects what is agreed from then on, never what was agreed before.';
comment on column private.settings.value is 'One JSON value in the form that the key asks for; `description` says what it means and in which unit.';

-- Commands read every one of them, and would fail without it.
create function private.keep_setting()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  raise exception 'setting % is needed: change its value instead', old.key using errcode = '42501';
end
$$;
create trigger never_deleted before delete on private.settings
  for each row execute function private.keep_setting();
create trigger never_renamed before update on private.settings
  for each row when (old.key <> new.key) execute function private.keep_setting();

insert into private.settings (key, value, description) values
  ('hold_minutes', '15', 'How long a new booking keeps its slot while it is being paid.'),
  ('quote_minutes', '10', 'How long a quote can be turned into a booking.'),
  ('claim_window_hours', '24', 'After check-out: how long the host may claim before the deposit returns and the rent becomes payable.'),
  ('booking_horizon_days', '365', 'How far ahead a booking may start.'),
  ('rates', '{"commission_bps": 1500, "service_fee_bps": 500, "vat_bps": 800, "insurance": {"basic": 500, "premium": 1000}}',
    'Shares in basis points (1/100 of a percent): commission and service fee of the rental, VAT of everything but the deposit, insurance of the rental.'),
  ('cancellation_policies', '{
      "flexible": [{"hours_before": 24, "refund_bps": 10000}, {"hours_before": 0, "refund_bps": 5000}],
      "moderate": [{"hours_before": 72, "refund_bps": 10000}, {"hours_before": 24, "refund_bps": 5000}],
      "strict": [{"hours_before": 168, "refund_bps": 10000}, {"hours_before": 72, "refund_bps": 5000}]
    }', 'Tiers: cancelling at least hours_before the start returns refund_bps of everything but the deposit, which always returns in full.'),
  ('fuzz_metres', '{"min": 150, "max": 400}', 'How far the public point of a listing lies from the true one.');

create function private.setting(p_key text)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select value from private.settings where key = p_key
  );
end
$$;

-- One random key per database: licence numbers are hashed with it, listing points are blurred with it.
create table private.secrets (
  name text primary key,
  value bytea not null
);
comment on table private.secrets is 'Random keys of this database, made by its migrations and never rotated. A copy of the database without them can neither find a licence number again nor read an account number.';
comment on column private.secrets.name is 'pepper (hashes of licence numbers, offsets of public points) or bank_accounts (encryption of account numbers).';
insert into private.secrets (name, value) values ('pepper', extensions.gen_random_bytes(32));

create function private.keyed_hash(p_text text)
returns bytea
language sql stable security definer set search_path = ''
as $$
  select extensions.hmac(convert_to(p_text, 'utf8'), value, 'sha256')
  from private.secrets
  where name = 'pepper'
$$;
comment on function private.keyed_hash is 'HMAC-SHA256 under this database''s own key: equal inputs can be found, inputs cannot be read back.';
