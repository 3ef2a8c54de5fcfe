-- Complaints: errors, limits, settings, and what each kind of payable brings.
-- Rule kept here: the code of complaints knows no kind of payable. A kind registers who its two sides are, within which
-- time they may complain, and what its frozen record holds.
-- Left out on purpose: complaints about people, listings and messages, which are reports.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('complaint_not_found', 404, false, 'We could not find this complaint. Reload and try again.', 'Không tìm thấy khiếu nại này. Vui lòng tải lại rồi thử lại.'),
  ('complaint_not_possible', 409, false, 'No complaint is possible now: it is too early, the time for it is over, or nothing was paid. Details have the time.', 'Hiện không thể khiếu nại: chưa đến lúc, đã hết thời hạn hoặc chưa có khoản thanh toán nào. Vui lòng xem thời hạn trong chi tiết.'),
  ('complaint_exists', 409, false, 'Your side has a complaint about this already. Open the one in details.complaint_id.', 'Bên bạn đã có khiếu nại về việc này. Vui lòng mở khiếu nại nêu trong chi tiết.'),
  ('complaint_over', 409, false, 'This complaint is decided or withdrawn, so it can no longer be changed.', 'Khiếu nại này đã được giải quyết hoặc đã rút nên không thể thay đổi nữa.'),
  ('complaint_live', 409, false, 'A complaint keeps this money frozen. Decide the complaint first.', 'Khoản tiền này đang bị tạm giữ do có khiếu nại. Vui lòng giải quyết khiếu nại trước.'),
  ('statement_awaited', 409, false, 'The other side has not answered yet. Wait for the answer, or until details.until.', 'Bên kia chưa phản hồi. Vui lòng chờ phản hồi hoặc chờ đến thời hạn nêu trong chi tiết.'),
  ('complaint_amount_too_high', 409, false, 'There is not so much left to give. Details have what can be refunded and what is left of the deposit.', 'Số tiền vượt quá mức còn lại. Vui lòng xem số tiền có thể hoàn và tiền cọc còn lại trong chi tiết.'),
  ('complaint_amounts_changed', 409, false, 'The amounts have changed. Look at details.preview and decide again.', 'Số tiền đã thay đổi. Vui lòng xem lại bản xem trước trong chi tiết rồi quyết định lại.');

insert into private.rate_limits (action, capacity, per_minute) values
  -- each freezes money of somebody else
  ('open_complaint', 5, 0.0104),
  ('change_complaint', 30, 10);

alter table private.settings
  add constraint settings_complaint_days check (key <> 'complaint_days' or private.is_whole(value, 1, 90)),
  add constraint settings_statement_hours check (key <> 'statement_hours' or private.is_whole(value, 1, 336)),
  add constraint settings_complaint_closing_days check (key <> 'complaint_closing_days' or private.is_whole(value, 1, 90));
insert into private.settings (key, value, description) values
  ('complaint_days', '7', 'Days after the end of a trip or an event, or after a cancellation, in which both sides may complain.'),
  ('statement_hours', '72', 'Hours that the other side has to answer a complaint. Before, money is moved only when the answer is there.'),
  ('complaint_closing_days', '7', 'Days after the decision in which both sides still write in the conversation of a complaint. Then it is closed.');

insert into private.refund_kinds (kind, description) values
  ('complaint', 'What a complaint gave back to the payer');

create type private.complaint_party as (user_id uuid, side text);

create table private.complaint_kinds (
  kind text primary key references private.payable_kinds,
  -- (payable id) takes the locks of lock_payable, and writes down what is over by now
  lock_function text not null,
  -- (payable id) the people of both sides
  parties_function text not null,
  -- (payable id) when a complaint may be opened; null when never
  window_function text not null,
  -- (payable id) what its record holds besides the payment
  record_function text not null
);
comment on table private.complaint_kinds is 'Payables that people may complain about: functions of schema private that say what complaints must know of them.';

create function private.check_complaint_kind()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.lock_function, 'uuid', 'void');
  perform private.require_function(new.parties_function, 'uuid', 'SETOF private.complaint_party');
  perform private.require_function(new.window_function, 'uuid', 'tstzrange');
  perform private.require_function(new.record_function, 'uuid', 'jsonb');
  return new;
end
$$;
create trigger functions_exist before insert or update on private.complaint_kinds
  for each row execute function private.check_complaint_kind();

create table public.complaint_categories (
  kind text not null references private.payable_kinds,
  side text not null,
  category text not null,
  name_en text not null,
  name_vi text not null,
  position int not null,
  primary key (kind, side, category),
  constraint complaint_categories_form check (category ~ '^[a-z][a-z_]{1,39}$'),
  constraint complaint_categories_side_known check (side in ('renter', 'host', 'buyer', 'organizer')),
  constraint complaint_categories_names_tidy check (private.is_tidy(name_en) and private.is_tidy(name_vi))
);
comment on table public.complaint_categories is 'What each side of a kind of payable may complain about, in the order in which apps list it. An operator adds rows.';
comment on column public.complaint_categories.kind is 'booking or order.';
comment on column public.complaint_categories.side is 'Whose complaint it is: renter or host of a booking, buyer or organizer of an order.';
comment on column public.complaint_categories.position is 'Smaller comes first.';
insert into public.complaint_categories (kind, side, category, name_en, name_vi, position) values
  ('booking', 'renter', 'no_handover', 'The host did not hand the vehicle over', 'Chủ xe không giao xe', 1),
  ('booking', 'renter', 'not_as_described', 'The vehicle is not as described', 'Xe không đúng mô tả', 2),
  ('booking', 'renter', 'breakdown', 'The vehicle broke down or was unsafe', 'Xe hỏng hoặc không an toàn', 3),
  ('booking', 'renter', 'unclean', 'The vehicle was dirty', 'Xe bẩn', 4),
  ('booking', 'renter', 'overcharged', 'I was charged too much', 'Tôi bị tính phí quá mức', 5),
  ('booking', 'renter', 'other', 'Something else', 'Vấn đề khác', 100),
  ('booking', 'host', 'damage', 'The vehicle was damaged', 'Xe bị hư hỏng', 1),
  ('booking', 'host', 'late_return', 'The vehicle came back late', 'Trả xe trễ', 2),
  ('booking', 'host', 'unclean', 'The vehicle came back dirty', 'Xe bị trả trong tình trạng bẩn', 3),
  ('booking', 'host', 'fuel', 'Fuel is missing', 'Thiếu nhiên liệu', 4),
  ('booking', 'host', 'fines', 'Fines or tolls are unpaid', 'Tiền phạt hoặc phí cầu đường chưa trả', 5),
  ('booking', 'host', 'other', 'Something else', 'Vấn đề khác', 100);
alter table public.complaint_categories enable row level security;
revoke all on public.complaint_categories from anon, authenticated, service_role;
grant select on public.complaint_categories to anon, authenticated, service_role;
create policy select_all on public.complaint_categories for select to anon, authenticated using (true);

select private.hold_no_persons('private.complaint_kinds', 'public.complaint_categories');
