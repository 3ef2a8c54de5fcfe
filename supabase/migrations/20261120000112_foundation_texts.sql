-- Foundation: how texts of people are stored and compared.
-- Rule kept here: a name or title is one line in one form, so that what looks alike is alike, a line break or a control
-- for text direction reaches no mail and no screen, and a name is something that one can see.
-- A column for such a text has the check private.is_tidy(), a column for a text of several lines private.is_tidy_lines();
-- foundation_texts.sql finds one that has neither.

-- Most texts hold letters of Latin alphabets that have one form, and are tidy as they are. One look tells so, for a hundredth
-- of what the rest costs; it comes first in each function here, and must accept nothing that the rest would change.
-- plpgsql, because a call of an SQL function with a search_path costs five times as much as the look.

-- Composed characters, without those that show nothing or turn the direction of a text.
create function private.visible_text(p_text text)
returns text
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  if p_text !~ '[^\u0001-\u007f\u00a1-\u00ac\u00ae-\u02ff\u1e00-\u1eff]' then
    return p_text;
  end if;
  -- composed again at the end: a letter and its mark may have been apart
  return normalize(regexp_replace(
    -- fillers, blanks that are letters, soft hyphens, marks of direction, variation selectors, tags, private use and what is no character
    regexp_replace(normalize(p_text, nfc), '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U0010ffff]', '', 'g'),
    -- a joiner stays between letters of scripts that are shaped by it and in an emoji, and so does the form of an emoji
    '(?<![\u0600-\u109f\u1780-\u18af\ufe0f\U0001f000-\U0001faff\u2190-\u27bf\u2900-\u2bff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u109f\u1780-\u18af\U0001f000-\U0001faff\u2190-\u27bf\u2900-\u2bff])|(?<![\u0023\u002a\u0030-\u0039\u203c\u2049\u2122\u2139\u2190-\u27bf\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff])\ufe0f', '', 'g'), nfc);
end
$$;

-- One line, single blanks.
create function private.tidy_text(p_text text)
returns text
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  if p_text !~ '[^ -~\u00a1-\u00ac\u00ae-\u02ff\u1e00-\u1eff]|^ | $|  ' then
    return p_text;
  end if;
  return btrim(regexp_replace(private.visible_text(p_text), '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'));
end
$$;
comment on function private.tidy_text is 'A short text as it is stored: one line, NFC, single blanks, without invisible characters.';

-- A text of several lines: at most one empty line between two, and no blanks around one.
create function private.tidy_lines(p_text text)
returns text
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  if p_text !~ '[^\n -~\u00a1-\u00ac\u00ae-\u02ff\u1e00-\u1eff]|^[\n ]|[\n ]$|  | \n|\n |\n\n\n' then
    return p_text;
  end if;
  return btrim(regexp_replace(regexp_replace(regexp_replace(
    regexp_replace(private.visible_text(p_text), '\u000d\u000a?|[\u000b\u000c\u0085\u2028\u2029]', E'\n', 'g'),
    '[\u0001-\u0009\u000e-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+', ' ', 'g'),
    ' ?\n ?', E'\n', 'g'), '\n{3,}', E'\n\n', 'g'), E' \n');
end
$$;
comment on function private.tidy_lines is 'A longer text as it is stored: lines without controls and invisible characters, in NFC.';

-- Whether there is anything to see: more than blanks, and more than accents without a letter.
create function private.shows_something(p_text text)
returns boolean
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return coalesce(p_text ~ '[!-~\u00a1-\u00ac\u00ae-\u02ff\u1e00-\u1eff]' or private.tidy_text(p_text) ~ '[^ \u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\u3099\u309a\ufe0f\ufe20-\ufe2f]', false);
end
$$;

-- The check of a column for a name or title. Null passes, as in any check.
create function private.is_tidy(p_text text)
returns boolean
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  return p_text = private.tidy_text(p_text) and private.shows_something(p_text);
end
$$;

-- The check of a column for a text of several lines, which may be empty.
create function private.is_tidy_lines(p_text text)
returns boolean
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  return p_text = private.tidy_lines(p_text);
end
$$;
-- people write their own names, and a check runs as the person
grant execute on function private.visible_text(text), private.tidy_text(text), private.tidy_lines(text), private.shows_something(text),
  private.is_tidy(text), private.is_tidy_lines(text) to authenticated;

-- Trigger, for tables that people write themselves: stores the columns of its first argument tidy, {name,title}, and those
-- of its second as tidy lines. A name or title that shows nothing is refused by the name of its column.
create function private.tidy_texts()
returns trigger
language plpgsql volatile set search_path = ''
as $$
declare
  v_row constant jsonb := to_jsonb(new);
  v_column text;
  v_tidy jsonb := '{}';
begin
  foreach v_column in array tg_argv[0]::text[] loop
    if v_row ->> v_column is not null and not private.shows_something(v_row ->> v_column) then
      perform private.fail_input(v_column, 'must show something');
    end if;
    v_tidy := v_tidy || jsonb_build_object(v_column, private.tidy_text(v_row ->> v_column));
  end loop;
  foreach v_column in array tg_argv[1]::text[] loop
    v_tidy := v_tidy || jsonb_build_object(v_column, private.tidy_lines(v_row ->> v_column));
  end loop;
  return jsonb_populate_record(new, v_tidy);
end
$$;

-- A reason or note of a person who decides: it may have lines, but it must show some characters and be no essay.
create function private.says_something(p_text text, p_at_least int default 1, p_at_most int default 500)
returns boolean
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return coalesce(case when char_length(p_text) <= p_at_most then private.shows_something(p_text) and (p_at_least <= 1 or char_length(private.tidy_text(p_text)) >= p_at_least) end, false);
end
$$;

-- The reason that a command asks for.
create function private.require_reason(p_reason text, p_at_least int default 1, p_at_most int default 500)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if not private.says_something(p_reason, p_at_least, p_at_most) then
    perform private.fail_input('reason', format('must have %s to %s characters', p_at_least, p_at_most));
  end if;
end
$$;

-- Lower case, no diacritics, đ as d: what people type and what listings say are compared in this form.
create function private.fold_text(p_text text)
returns text
language sql immutable strict parallel safe set search_path = ''
as $$ select lower(extensions.unaccent('extensions.unaccent'::regdictionary, p_text)) $$;

-- The same without blanks and hyphens: `vf6`, `VF 6` and `VF-6` are one name.
create function private.squeeze_text(p_text text)
returns text
language sql immutable strict parallel safe set search_path = ''
as $$ select regexp_replace(private.fold_text(p_text), '[-\s_./]+', '', 'g') $$;

-- The code that people read out: a letter for its kind and eight others.
create function private.new_code(p_prefix text)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  -- without letters and digits that look alike
  v_letters constant text := 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
  v_bytes bytea := extensions.gen_random_bytes(8);
begin
  -- one expression: a loop of eight costs four times as much
  return p_prefix
    || substr(v_letters, 1 + get_byte(v_bytes, 0) % 31, 1) || substr(v_letters, 1 + get_byte(v_bytes, 1) % 31, 1)
    || substr(v_letters, 1 + get_byte(v_bytes, 2) % 31, 1) || substr(v_letters, 1 + get_byte(v_bytes, 3) % 31, 1)
    || substr(v_letters, 1 + get_byte(v_bytes, 4) % 31, 1) || substr(v_letters, 1 + get_byte(v_bytes, 5) % 31, 1)
    || substr(v_letters, 1 + get_byte(v_bytes, 6) % 31, 1) || substr(v_letters, 1 + get_byte(v_bytes, 7) % 31, 1);
end
$$;

-- Refuses what a command does not know, and values of another type than it needs: jsonb_populate_record would write an
-- object into a text column as its source. p_fields is {field: string | integer | number | boolean | time}.
create function private.check_details(p_details jsonb, p_fields jsonb)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_field text;
  v_value jsonb;
  v_type text;
begin
  if jsonb_typeof(p_details) is distinct from 'object' then
    perform private.fail_input('details', 'must be an object');
  end if;
  for v_field, v_value in select k.key, k.value from jsonb_each(p_details) k order by k.key loop
    v_type := p_fields ->> v_field;
    if v_type is null then
      perform private.fail('unknown_field', jsonb_build_object('field', v_field));
    end if;
    continue when v_value = 'null';
    if jsonb_typeof(v_value) <> (case v_type when 'integer' then 'number' when 'time' then 'string' else v_type end) then
      perform private.fail_input(v_field, 'wrong type');
    end if;
    if v_type = 'integer' and not private.is_whole(v_value, -1000000000000, 1000000000000) then
      perform private.fail_input(v_field, 'must be a whole number in range');
    end if;
    if v_type = 'time' then
      begin
        if not isfinite((v_value #>> '{}')::timestamptz) then
          perform private.fail_input(v_field, 'must be a moment');
        end if;
      exception
        when data_exception then
          perform private.fail_input(v_field, 'must be a moment, like 2026-12-31T20:00:00+07:00');
      end;
    end if;
  end loop;
end
$$;

-- The refusal of a value by a constraint, for the client: constraints are named table_field_rule.
create function private.fail_field(p_table text, p_constraint text, p_column text, p_message text)
returns void
language sql stable set search_path = ''
as $$
  select private.fail_input(
    coalesce(substring(p_constraint from '^' || p_table || '_(.*)_(?:range|length|known|form|tidy|order|fkey|once|fit)$'), nullif(p_column, ''), 'details'),
    case when p_constraint <> '' then 'out of range' when p_column <> '' then 'required' else left(p_message, 200) end)
$$;

-- JSON in the canonical form of RFC 8785, for what records hold: names in ASCII, whole numbers, texts, true, false and null.
-- No blanks; names sorted by their bytes; texts escaped as JSON.stringify does.
create function private.canonical_json(p_value jsonb)
returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return case jsonb_typeof(p_value)
    when 'object' then '{' || coalesce((
      select string_agg(to_jsonb(o.key)::text || ':' || private.canonical_json(o.value), ',' order by o.key collate "C") from jsonb_each(p_value) o), '') || '}'
    when 'array' then '[' || coalesce((
      select string_agg(private.canonical_json(a.value), ',' order by a.n) from jsonb_array_elements(p_value) with ordinality a (value, n)), '') || ']'
    when 'number' then trim_scale((p_value #>> '{}')::numeric)::text
    else p_value::text end;
end
$$;
comment on function private.canonical_json is 'A value as text that everybody who has the value writes alike (RFC 8785).';

create function private.sha256_hex(p_text text)
returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return encode(sha256(convert_to(p_text, 'UTF8')), 'hex');
end
$$;

-- A time as records write it: UTC, microseconds.
create function private.record_time(p_at timestamptz)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
end
$$;
