-- Notifications: how texts write amounts, times and days.
-- Rule kept here: data holds a value, never its text: an amount with its currency, an instant with its zone. It becomes
-- words when a text is rendered, in the language of the reader, so mail, push and inbox say the same. A time names its zone.
-- Left out on purpose: the page of a receipt, which is formatted by _shared/formats.ts; a test compares the two.

create table private.time_zone_names (
  name text not null references private.time_zones (name),
  locale text not null,
  place text not null,
  primary key (name, locale),
  constraint time_zone_names_locale_known check (locale in ('vi', 'en')),
  constraint time_zone_names_place_tidy check (private.is_tidy(place))
);
comment on table private.time_zone_names is 'What texts call the time of a zone: Vietnam time. A zone without a row is called by its city: Asia/Dubai is Dubai time.';
alter table private.time_zone_names enable row level security;
select private.hold_no_persons('private.time_zone_names');
insert into private.time_zone_names (name, locale, place) values
  ('Asia/Ho_Chi_Minh', 'en', 'Vietnam'), ('Asia/Ho_Chi_Minh', 'vi', 'Việt Nam'),
  ('Asia/Bangkok', 'en', 'Thailand'), ('Asia/Bangkok', 'vi', 'Thái Lan'),
  ('Asia/Phnom_Penh', 'en', 'Cambodia'), ('Asia/Phnom_Penh', 'vi', 'Campuchia'),
  ('Asia/Vientiane', 'en', 'Laos'), ('Asia/Vientiane', 'vi', 'Lào'),
  ('Asia/Shanghai', 'en', 'China'), ('Asia/Shanghai', 'vi', 'Trung Quốc'),
  ('Asia/Tokyo', 'en', 'Japan'), ('Asia/Tokyo', 'vi', 'Nhật Bản'),
  ('Asia/Seoul', 'en', 'Korea'), ('Asia/Seoul', 'vi', 'Hàn Quốc'),
  ('Asia/Kolkata', 'en', 'India'), ('Asia/Kolkata', 'vi', 'Ấn Độ');

-- The values that data may hold beside plain text. Each names its kind by its keys; format_value reads them.
create function private.money_value(p_amount bigint, p_currency text)
returns jsonb
language sql immutable parallel safe set search_path = ''
as $$ select jsonb_build_object('amount', p_amount, 'currency', p_currency) where p_amount is not null $$;

create function private.time_value(p_at timestamptz, p_time_zone text)
returns jsonb
language sql stable parallel safe set search_path = ''
as $$ select jsonb_build_object('at', p_at, 'time_zone', p_time_zone) where p_at is not null $$;

create function private.period_value(p_from timestamptz, p_to timestamptz, p_time_zone text)
returns jsonb
language sql stable parallel safe set search_path = ''
as $$ select jsonb_build_object('from', p_from, 'to', p_to, 'time_zone', p_time_zone) where p_from is not null and p_to is not null $$;

create function private.day_value(p_day date)
returns jsonb
language sql stable parallel safe set search_path = ''
as $$ select jsonb_build_object('day', p_day) where p_day is not null $$;

-- Decimals of a currency's minor unit, as ISO 4217 has them.
create function private.currency_digits(p_currency text)
returns int
language sql immutable strict parallel safe set search_path = ''
as $$
  select case
    when p_currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 0
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    else 2
  end
$$;

-- ₫1,250,000 and 1.250.000 ₫. Blanks within are no-break spaces: a line must not end between an amount and its sign.
create function private.format_money(p_amount bigint, p_currency text, p_locale text)
returns text
language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
  v_digits int := private.currency_digits(p_currency);
  -- numeric: the smallest bigint has no positive twin
  v_amount numeric := abs(p_amount::numeric);
  v_unit numeric := power(10::numeric, v_digits);
  v_sign text := case when p_amount < 0 then '-' else '' end;
  v_symbol text := case p_currency when 'VND' then '₫' when 'EUR' then '€' when 'USD' then 'US$' else p_currency end;
  v_whole text := to_char(div(v_amount, v_unit), 'FM999,999,999,999,999,999,990');
  v_rest text := case when v_digits > 0 then lpad((v_amount % v_unit)::bigint::text, v_digits, '0') end;
begin
  if p_locale = 'vi' then
    return v_sign || replace(v_whole, ',', '.') || coalesce(',' || v_rest, '') || U&'\00A0' || v_symbol;
  end if;
  return v_sign || v_symbol || case when v_symbol ~ '[A-Z]$' then U&'\00A0' else '' end || v_whole || coalesce('.' || v_rest, '');
end
$$;

create function private.format_day(p_day date, p_locale text)
returns text
language plpgsql stable strict set search_path = ''
as $$
begin
  if p_locale = 'vi' then
    return (array['Chủ Nhật', 'thứ Hai', 'thứ Ba', 'thứ Tư', 'thứ Năm', 'thứ Sáu', 'thứ Bảy'])[extract(dow from p_day)::int + 1]
      || to_char(p_day, ' FMDD "tháng" FMMM, YYYY');
  end if;
  return to_char(p_day, 'Dy FMDD Mon YYYY');
end
$$;

-- Day and time on the clocks of a zone.
create function private.format_clock(p_local timestamp, p_locale text)
returns text
language plpgsql stable strict set search_path = ''
as $$
begin
  if p_locale = 'vi' then
    return to_char(p_local, 'HH24:MI, ') || private.format_day(p_local::date, p_locale);
  end if;
  return private.format_day(p_local::date, p_locale) || to_char(p_local, ', HH24:MI');
end
$$;

-- (Vietnam time, GMT+7), as it is at that moment: a zone with summer time has two.
create function private.format_zone(p_at timestamptz, p_time_zone text, p_locale text)
returns text
language plpgsql stable strict set search_path = ''
as $$
declare
  v_minutes int := round(extract(epoch from (p_at at time zone p_time_zone) - (p_at at time zone 'UTC')) / 60)::int;
  v_offset text := 'GMT';
  v_place text;
begin
  if p_time_zone = 'UTC' then
    return '(UTC)';
  end if;
  if v_minutes <> 0 then
    v_offset := v_offset || case when v_minutes < 0 then '-' else '+' end || abs(v_minutes) / 60
      || case when v_minutes % 60 <> 0 then ':' || lpad((abs(v_minutes) % 60)::text, 2, '0') else '' end;
  end if;
  v_place := coalesce(
    (select n.place from private.time_zone_names n where n.name = p_time_zone and n.locale = p_locale),
    replace(regexp_replace(p_time_zone, '^.*/', ''), '_', ' '));
  return '(' || case p_locale when 'vi' then 'giờ ' || v_place else v_place || ' time' end || ', ' || v_offset || ')';
end
$$;

create function private.format_time(p_at timestamptz, p_time_zone text, p_locale text)
returns text
language plpgsql stable strict set search_path = ''
as $$
begin
  return private.format_clock(p_at at time zone p_time_zone, p_locale) || ' ' || private.format_zone(p_at, p_time_zone, p_locale);
end
$$;

-- The zone is named once, unless the clocks are changed in between.
create function private.format_period(p_from timestamptz, p_to timestamptz, p_time_zone text, p_locale text)
returns text
language plpgsql stable strict set search_path = ''
as $$
declare
  v_zone text := private.format_zone(p_from, p_time_zone, p_locale);
begin
  return private.format_clock(p_from at time zone p_time_zone, p_locale)
    || case when v_zone = private.format_zone(p_to, p_time_zone, p_locale) then '' else ' ' || v_zone end
    || case p_locale when 'vi' then ' đến ' else ' to ' end
    || private.format_time(p_to, p_time_zone, p_locale);
end
$$;

-- A value of data as a text shows it; null when there is none.
create function private.format_value(p_value jsonb, p_locale text)
returns text
language plpgsql stable strict set search_path = ''
as $$
begin
  if jsonb_typeof(p_value) <> 'object' then
    return p_value #>> '{}';
  end if;
  return case
    when p_value ? 'amount' then private.format_money((p_value ->> 'amount')::bigint, p_value ->> 'currency', p_locale)
    when p_value ? 'at' then private.format_time((p_value ->> 'at')::timestamptz, p_value ->> 'time_zone', p_locale)
    when p_value ? 'from' then private.format_period((p_value ->> 'from')::timestamptz, (p_value ->> 'to')::timestamptz, p_value ->> 'time_zone', p_locale)
    when p_value ? 'day' then private.format_day((p_value ->> 'day')::date, p_locale)
    -- words by language
    else p_value ->> p_locale
  end;
end
$$;

create function private.render(p_text text, p_data jsonb, p_locale text)
returns text
language plpgsql stable strict set search_path = ''
as $$
declare
  -- text, name, text, name, …: one pass, so that a value is never read as a template
  v_parts text[] := string_to_array(replace(p_text, '}}', '{{'), '{{');
  v_value text;
  v_out text := '';
begin
  for i in 1 .. cardinality(v_parts) loop
    if i % 2 = 1 then
      v_out := v_out || v_parts[i];
      continue;
    end if;
    v_value := private.format_value(p_data -> v_parts[i], p_locale);
    if v_value is null then
      raise exception 'the data of the notification has no value for template variable %', v_parts[i];
    end if;
    v_out := v_out || v_value;
  end loop;
  return v_out;
end
$$;

create function private.html_from(p_text text)
returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return '<p>' || replace(replace(replace(replace(replace(replace(p_text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), E'\n\n', '</p><p>'), E'\n', '<br>') || '</p>';
end
$$;
