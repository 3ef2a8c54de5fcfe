-- Vehicles: what a broadcast may ask about hosts, and the kind of notification that alerts of saved searches are.
-- Rule kept here: a host is who offers a listing now.

insert into private.notification_categories (code, position, name_en, name_vi, description_en, description_vi) values
  ('saved_search', 45, 'Saved searches', 'Tìm kiếm đã lưu', 'Vehicles that come free for a search you saved.', 'Xe vừa trống lịch cho tìm kiếm bạn đã lưu.');

insert into private.broadcast_conditions (name, takes, condition, description) values
  ('hosts', 'true', 'exists (select from public.vehicles v where v.host_id = p.id and v.status = ''published'')', 'People who offer a vehicle.'),
  ('hosts_in', 'texts', 'exists (select from public.vehicles v where v.host_id = p.id and v.status = ''published'' and private.fold_text(v.city) in (select private.fold_text(c) from jsonb_array_elements_text({value}) c))',
    'People who offer a vehicle in one of these cities; diacritics and case do not matter.');
