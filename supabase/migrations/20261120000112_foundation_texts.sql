-- Foundation: how short texts of people are stored and compared.
-- Rule kept here: a name or title is one line in one form, so that what looks alike is alike, and a line break or a
-- control for text direction reaches no mail and no screen.
-- Left out on purpose: long texts (descriptions, notes), which may have lines. What must give a reason must show
-- something, though.

-- One line: composed characters, single blanks, no control, direction or invisible characters.
create function private.tidy_text(p_text text)
returns text
language sql immutable strict parallel safe set search_path = ''
as $$
  select btrim(regexp_replace(
    regexp_replace(normalize(p_text, nfc), '[\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad\u115f\u1160\u2800\u3164\uffa0]', '', 'g'),
    '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'
  ))
$$;
-- people write their own names, and a check runs as the person
grant execute on function private.tidy_text(text) to authenticated;
comment on function private.tidy_text is 'A short text as it is stored: one line, NFC, single blanks, without invisible characters.';

-- A reason or note of a person who decides: it may have lines, but it must show some characters and be no essay.
create function private.says_something(p_text text, p_at_least int default 1, p_at_most int default 500)
returns boolean
language sql immutable parallel safe set search_path = ''
as $$
  select coalesce(case when char_length(p_text) <= p_at_most then char_length(private.tidy_text(p_text)) >= p_at_least end, false)
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
