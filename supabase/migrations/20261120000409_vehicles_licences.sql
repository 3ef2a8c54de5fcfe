-- Vehicles: who may drive which vehicle, and when.
-- Rule kept here: each command that lets a person have a vehicle asks this one function.
-- Left out on purpose: what a licence opens, which identity knows.

-- Null when the person may drive the vehicle for the whole period, or the error code that says why not.
create function private.licence_problem(p_user_id uuid, p_vehicle_id uuid, p_period tstzrange)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select private.licence_problem(p_user_id, v.required_licence_class, upper(p_period))
    from public.vehicles v where v.id = p_vehicle_id
  );
end
$$;
