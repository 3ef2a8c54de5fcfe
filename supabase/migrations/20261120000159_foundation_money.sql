-- Foundation: what every module does with amounts.
-- Rule kept here: an amount is in minor units, and a list of lines adds up to the sum of their amounts.
-- Left out on purpose: conversions to a provider's unit, which are in its wrapper.

create function private.sum_line_amounts(p_lines jsonb)
returns bigint
language sql immutable parallel safe set search_path = ''
as $$ select coalesce(sum((l ->> 'amount')::bigint), 0)::bigint from jsonb_array_elements(p_lines) l $$;
