-- Vehicles: who is told of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('vehicle_published', 'en', 'listing', 'Listing published', '{{title}} is open for booking.', null, null),
  ('vehicle_published', 'vi', 'listing', 'Tin đăng đã được duyệt', '{{title}} đã nhận đặt.', null, null),
  ('vehicle_rejected', 'en', 'listing', 'Listing needs changes', '{{title}}: {{reason}}', null, null),
  ('vehicle_rejected', 'vi', 'listing', 'Tin đăng cần chỉnh sửa', '{{title}}: {{reason}}', null, null),
  ('vehicle_suspended', 'en', 'listing', 'Listing suspended', '{{title}}: {{reason}}', 'Your listing was suspended', E'{{title}} was suspended: {{reason}}'),
  ('vehicle_suspended', 'vi', 'listing', 'Tin đăng bị tạm ngưng', '{{title}}: {{reason}}', 'Tin đăng của bạn bị tạm ngưng', E'{{title}} bị tạm ngưng: {{reason}}');

create function private.addressees(p_vehicle public.vehicles)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('host', p_vehicle.host_id)]::private.addressee[];
end
$$;

create function private.notification_data(p_vehicle public.vehicles)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  -- a change made in Studio may give no reason
  return jsonb_build_object('vehicle_id', p_vehicle.id, 'title', p_vehicle.title, 'reason', coalesce(private.audit_reason(), '—'));
end
$$;

insert into private.notification_audiences (machine, audience) values ('vehicle', 'host');
insert into private.notification_rules (machine, event, audience, template, channels) values
  ('vehicle', 'publish', 'host', 'vehicle_published', '{in_app}'),
  ('vehicle', 'reinstate', 'host', 'vehicle_published', '{in_app}'),
  ('vehicle', 'reject', 'host', 'vehicle_rejected', '{in_app}'),
  ('vehicle', 'suspend', 'host', 'vehicle_suspended', '{in_app,email}');
