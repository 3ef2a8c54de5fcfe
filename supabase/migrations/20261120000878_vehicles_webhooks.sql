-- Vehicles: what webhooks tell of listings.
-- Rule kept here: the host hears what becomes of the own listings.

create function private.webhook_owner_ids(p_vehicle public.vehicles)
returns uuid[]
language sql immutable set search_path = ''
as $$ select array[p_vehicle.host_id] $$;
select private.attach_webhooks('public.vehicles', 'vehicle', '{user}', 'host_id', 'kind', 'title', 'city', 'published_at', 'created_at');
