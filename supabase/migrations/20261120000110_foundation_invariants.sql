-- Foundation: the registry of invariants, what must hold at any time and no constraint can say.
-- Rule kept here: an invariant is one function of its module, private.invariant_<name>(), which answers one row per
-- violation; its sentences say what a row means and what an operator does.
-- Left out on purpose: running them, which is check_invariants of operations.

create table private.invariants (
  name text primary key,
  severity text not null,
  what_is_wrong text not null,
  what_to_do text not null,
  constraint invariants_name_form check (name ~ '^[a-z][a-z_]{2,40}$'),
  -- critical: rows contradict each other, and money or a slot may go the wrong way; warning: work is late, or waits for a person
  constraint invariants_severity_known check (severity in ('critical', 'warning')),
  constraint invariants_sentences check (what_is_wrong ~ '^[A-Z].*\.$' and what_to_do ~ '^[A-Z].*\.$')
);
comment on table private.invariants is 'What check_invariants() checks. docs/invariants.md is generated from it.';

-- An invariant without a function would never be checked and would seem to hold.
create function private.require_invariant_function()
returns trigger
language plpgsql volatile set search_path = ''
as $$
declare
  v_function regprocedure := to_regprocedure(format('private.invariant_%s()', new.name));
begin
  if v_function is null then
    raise exception 'invariant % needs a function private.invariant_%()', new.name, new.name using errcode = 'undefined_function';
  end if;
  if pg_get_function_result(v_function) <> 'TABLE(subject_id text, detail text)' then
    raise exception '% must return table (subject_id text, detail text)', v_function using errcode = 'invalid_function_definition';
  end if;
  return null;
end
$$;
create trigger needs_its_function after insert or update on private.invariants
  for each row execute function private.require_invariant_function();
