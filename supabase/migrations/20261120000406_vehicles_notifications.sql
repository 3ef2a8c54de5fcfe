-- Vehicles: who is notified of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('vehicle_published', 'en', 'listing', 'Listing published', 'Your listing {{title}} can be booked now.', null, null),
  ('vehicle_published', 'vi', 'listing', 'Tin đăng đã được duyệt', 'Tin đăng {{title}} đã được duyệt và có thể nhận đặt xe.', null, null),
  ('vehicle_returned', 'en', 'listing', 'Listing waits for review', 'Your listing {{title}} is no longer suspended. It can be booked when it has been reviewed.', null, null),
  ('vehicle_returned', 'vi', 'listing', 'Tin đăng đang chờ duyệt', 'Tin đăng {{title}} không còn bị tạm ngưng và sẽ nhận đặt xe sau khi được duyệt.', null, null),
  ('vehicle_rejected', 'en', 'listing', 'Listing needs changes', 'Please change your listing {{title}} and submit it again. Reason: {{reason}}', null, null),
  ('vehicle_rejected', 'vi', 'listing', 'Tin đăng cần chỉnh sửa', 'Vui lòng chỉnh sửa tin đăng {{title}} rồi gửi duyệt lại. Lý do: {{reason}}', null, null),
  ('vehicle_suspended', 'en', 'listing', 'Listing suspended', 'Your listing {{title}} cannot be booked for now. Reason: {{reason}}', 'Your listing was suspended', E'Your listing {{title}} cannot be booked for now.\n\nReason: {{reason}}\n\nPlease contact us if you have questions.'),
  ('vehicle_suspended', 'vi', 'listing', 'Tin đăng bị tạm ngưng', 'Tin đăng {{title}} tạm thời không nhận đặt xe. Lý do: {{reason}}', 'Tin đăng của bạn bị tạm ngưng', E'Tin đăng {{title}} tạm thời không nhận đặt xe.\n\nLý do: {{reason}}\n\nNếu có thắc mắc, vui lòng liên hệ với chúng tôi.');

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
  ('vehicle', 'return', 'host', 'vehicle_returned', '{in_app}'),
  ('vehicle', 'reject', 'host', 'vehicle_rejected', '{in_app}'),
  ('vehicle', 'suspend', 'host', 'vehicle_suspended', '{in_app,email}');
