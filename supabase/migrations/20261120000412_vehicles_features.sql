-- Vehicles: the catalogue of features.
-- Rule kept here: a listing names only features of the catalogue, so that a filter finds all that have one.
-- Left out on purpose: a command to add one. A new feature is a row here, with its names in both languages.

create table private.features (
  feature text primary key,
  kinds text[] not null,
  name_en text not null,
  name_vi text not null,
  position int not null unique,
  constraint features_form check (feature ~ '^[a-z][a-z0-9_]{1,39}$'),
  constraint features_kinds_known check (kinds <@ '{car,motorbike}' and cardinality(kinds) > 0)
);
comment on table private.features is 'What a listing may offer. A feature stays when no form shows it any more.';
comment on column private.features.kinds is 'The kinds of vehicle whose form offers it.';
comment on column private.features.position is 'Its place in a form.';
alter table private.features enable row level security;
select private.hold_no_persons('private.features');

insert into private.features (position, feature, kinds, name_en, name_vi) values
  (10, 'air_conditioning', '{car}', 'Air conditioning', 'Điều hòa'),
  (20, 'bluetooth', '{car,motorbike}', 'Bluetooth', 'Bluetooth'),
  (30, 'carplay', '{car}', 'Apple CarPlay', 'Apple CarPlay'),
  (40, 'android_auto', '{car}', 'Android Auto', 'Android Auto'),
  (50, 'gps', '{car,motorbike}', 'Navigation', 'Định vị GPS'),
  (60, 'usb_charger', '{car,motorbike}', 'USB charger', 'Cổng sạc USB'),
  (70, 'dashcam', '{car}', 'Dash camera', 'Camera hành trình'),
  (80, 'reverse_camera', '{car}', 'Reversing camera', 'Camera lùi'),
  (90, 'camera_360', '{car}', '360° camera', 'Camera 360'),
  (100, 'parking_sensors', '{car}', 'Parking sensors', 'Cảm biến đỗ xe'),
  (110, 'cruise_control', '{car}', 'Cruise control', 'Kiểm soát hành trình'),
  (120, 'lane_assist', '{car}', 'Lane keeping', 'Hỗ trợ giữ làn'),
  (130, 'airbags', '{car}', 'Airbags', 'Túi khí an toàn'),
  (140, 'abs', '{car,motorbike}', 'Anti-lock brakes', 'Phanh ABS'),
  (150, 'tyre_pressure', '{car}', 'Tyre pressure monitor', 'Cảm biến áp suất lốp'),
  (160, 'spare_tyre', '{car}', 'Spare tyre', 'Lốp dự phòng'),
  (170, 'sunroof', '{car}', 'Sunroof', 'Cửa sổ trời'),
  (180, 'leather_seats', '{car}', 'Leather seats', 'Ghế da'),
  (190, 'child_seat', '{car}', 'Child seat', 'Ghế trẻ em'),
  (200, 'isofix', '{car}', 'ISOFIX', 'Chốt ISOFIX'),
  (210, 'electric_tailgate', '{car}', 'Electric tailgate', 'Cốp điện'),
  (220, 'roof_rack', '{car}', 'Roof rack', 'Giá nóc'),
  (230, 'four_wheel_drive', '{car}', 'Four-wheel drive', 'Dẫn động bốn bánh'),
  (240, 'etc_tag', '{car}', 'Toll tag (ETC)', 'Thẻ thu phí ETC'),
  (250, 'keyless', '{car,motorbike}', 'Keyless start', 'Khóa thông minh'),
  (260, 'helmet', '{motorbike}', 'Helmets', 'Mũ bảo hiểm'),
  (270, 'raincoat', '{motorbike}', 'Raincoats', 'Áo mưa'),
  (280, 'phone_holder', '{car,motorbike}', 'Phone holder', 'Giá đỡ điện thoại'),
  (290, 'top_box', '{motorbike}', 'Top box', 'Thùng sau'),
  (300, 'luggage_rack', '{motorbike}', 'Luggage rack', 'Baga chở đồ'),
  (310, 'pet_friendly', '{car}', 'Pets allowed', 'Được chở thú cưng'),
  (320, 'wheelchair_access', '{car}', 'Wheelchair access', 'Hỗ trợ xe lăn');

alter table public.vehicle_features
  add constraint vehicle_features_known foreign key (feature) references private.features (feature);

create function private.feature_catalogue()
returns table (feature text, kinds text[], name_en text, name_vi text)
language sql stable security definer set search_path = ''
as $$ select f.feature, f.kinds, f.name_en, f.name_vi from private.features f order by f.position $$;
create function public.feature_catalogue()
returns table (feature text, kinds text[], name_en text, name_vi text)
language sql stable set search_path = ''
as $$ select * from private.feature_catalogue() $$;
comment on function public.feature_catalogue is 'Lists the features that a listing may name, in the order of a form, with their names. `kinds` are the kinds of vehicle that each is offered for.';
select private.expose('feature_catalogue()', 'anon', 'authenticated');
