-- Vehicles: who may drive which vehicle, and when.
-- Rule kept here: each command that lets a person have a vehicle asks private.licence_problem(user, vehicle, period).
-- Left out on purpose: what a licence opens, which identity knows.

create function private.drive_traits(p_vehicle public.vehicles)
returns private.drive_traits
language plpgsql stable set search_path = ''
as $$
begin
  return row(p_vehicle.kind, p_vehicle.engine_cc, p_vehicle.power_kw, p_vehicle.top_speed_kmh, p_vehicle.seats - 1,
    p_vehicle.gross_mass_kg, p_vehicle.transmission = 'automatic')::private.drive_traits;
end
$$;

-- Null when the person may drive the vehicle for the whole period, or the error code that says why not.
create function private.licence_problem(p_user_id uuid, p_vehicle_id uuid, p_period tstzrange)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select private.licence_problem(p_user_id, private.drive_traits(v), lower(p_period), upper(p_period))
    from public.vehicles v where v.id = p_vehicle_id
  );
end
$$;

create function private.required_licences(p_vehicle_id uuid)
returns table (scheme text, class text, automatic_only boolean, min_age int, source text)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles;
begin
  select * into v_vehicle from public.vehicles v
  where v.id = p_vehicle_id and (v.status = 'published' or v.host_id = auth.uid() or private.is_admin());
  if not found then
    perform private.fail('vehicle_not_found');
  end if;
  return query
    select r.scheme, r.class, v_vehicle.transmission = 'automatic' and coalesce(c.may_be_automatic_only, false),
      greatest(coalesce(r.min_age, c.min_age), private.setting('hire_min_age')::int), r.source
    from private.licence_rules r
    left join private.licence_classes c on c.scheme = r.scheme and c.class = r.class
    where private.rule_opens(r, private.drive_traits(v_vehicle))
    order by r.class is not null, r.scheme desc, c.min_age, r.class;
end
$$;
create function public.required_licences(vehicle_id uuid)
returns table (scheme text, class text, automatic_only boolean, min_age int, source text)
language sql stable set search_path = ''
as $$ select * from private.required_licences(vehicle_id) $$;
comment on function public.required_licences is 'Lists the classes of driver licences that open a vehicle; one of them is enough. `scheme` is before_2025 or from_2025, by the day of issue. A first row without scheme and class says that no licence is needed, as for a moped. `automatic_only` says that a licence of this class that is restricted to automatic vehicles is enough. `min_age` is in years, on the first day of a trip. `source` names the article of the law. Errors: vehicle_not_found.';
select private.expose('required_licences(uuid)', 'anon', 'authenticated');
