-- Foundation: functions that a module registers and another one calls by name.
-- Rule kept here: a registered name is that of a function of schema private that exists and takes and answers what its
-- caller expects, so that a mistake is found when it is registered and not when money comes.
-- Left out on purpose: the registries, which are in the files of the modules that call the functions.

create function private.require_function(p_name text, p_arguments text, p_returns text)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_function regprocedure := to_regprocedure(format('private.%I(%s)', p_name, p_arguments));
begin
  if v_function is null or pg_get_function_result(v_function) <> p_returns then
    raise exception 'private.%(%) must exist and return %, to be registered', p_name, p_arguments, p_returns
      using errcode = '42883';
  end if;
end
$$;
