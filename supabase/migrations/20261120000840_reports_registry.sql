-- Reports: errors, limits, what can be reported, and for what.
-- Rule kept here: one set of tables and commands for all kinds of subjects; only reports_kinds knows them.
-- Left out on purpose: complaints about a booking or an order, which move money and are of complaints.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('report_exists', 409, false, 'You have reported this already, and we are looking into it. Details have the report.', 'Bạn đã báo cáo nội dung này và chúng tôi đang xem xét. Vui lòng xem báo cáo trong chi tiết.'),
  ('reports_changed', 409, false, 'More people have reported this meanwhile. Look at the new reports, and decide again.', 'Vừa có thêm người báo cáo nội dung này. Vui lòng xem các báo cáo mới rồi quyết định lại.'),
  ('subject_restricted', 409, false, 'This is hidden or suspended already.', 'Nội dung này đã bị ẩn hoặc tạm khóa.'),
  ('subject_changed', 409, false, 'This was changed since it was hidden or suspended. Look at it again, and pass details.version to restore it as it is now.', 'Nội dung này đã thay đổi kể từ khi bị ẩn hoặc tạm khóa. Vui lòng xem lại, rồi gửi kèm details.version để khôi phục nội dung hiện tại.'),
  ('subject_gone', 409, false, 'This was deleted, so it can be neither hidden nor restored.', 'Nội dung này đã bị xóa nên không thể ẩn hoặc khôi phục.'),
  ('action_over', 409, false, 'This action no longer stands: it was undone or replaced, or its time is over.', 'Biện pháp này không còn hiệu lực: đã được hủy bỏ, thay thế hoặc hết thời hạn.');

insert into private.rate_limits (action, capacity, per_minute) values
  -- each makes work for a person
  ('create_report', 10, 0.1);

-- What reports knows of one subject. `owner_id` answers for it and is told what happens to it; null when there is no such
-- subject or nothing is left of it. `version` changes with what readers see of it. `before` is the state that a restoring
-- action puts back.
create type private.report_subject as (owner_id uuid, name text, version text, is_restricted boolean, before jsonb, shown jsonb);

create table private.report_kinds (
  kind text primary key,
  has_seq boolean not null,
  constraint report_kinds_kind_form check (kind ~ '^[a-z][a-z_]{1,39}$')
);
comment on table private.report_kinds is 'What people may report and staff may take down. reports_kinds has how.';
comment on column private.report_kinds.has_seq is 'Whether a subject is named by an id and a number, as a message is by its conversation and seq.';
insert into private.report_kinds (kind, has_seq) values ('vehicle', false), ('person', false), ('event', false), ('review', false), ('message', true);
alter table private.report_kinds enable row level security;

create table public.report_categories (
  kind text not null references private.report_kinds,
  category text not null,
  name_en text not null,
  name_vi text not null,
  severity int not null,
  position int not null,
  primary key (kind, category),
  constraint report_categories_form check (category ~ '^[a-z][a-z_]{1,39}$'),
  constraint report_categories_names_tidy check (private.is_tidy(name_en) and private.is_tidy(name_vi)),
  constraint report_categories_severity_range check (severity between 1 and 3)
);
comment on table public.report_categories is 'For what each kind of subject may be reported, in the order in which apps list it. An operator adds rows.';
comment on column public.report_categories.kind is 'vehicle (a listing), person, event, message or review.';
comment on column public.report_categories.severity is '1 to 3; 3 is what somebody may be hurt or robbed by. The queue shows the highest.';
comment on column public.report_categories.position is 'Smaller comes first.';
insert into public.report_categories (kind, category, name_en, name_vi, severity, position) values
  ('vehicle', 'fraud', 'It is a fraud: the vehicle or the host does not exist', 'Lừa đảo: xe hoặc chủ xe không có thật', 3, 1),
  ('vehicle', 'unsafe', 'The vehicle is not safe', 'Xe không an toàn', 3, 2),
  ('vehicle', 'misleading', 'Photos or details are wrong', 'Ảnh hoặc thông tin sai sự thật', 2, 3),
  ('vehicle', 'paid_outside', 'The host asks for payment outside the app', 'Chủ xe yêu cầu thanh toán ngoài ứng dụng', 3, 4),
  ('vehicle', 'offensive', 'It is offensive', 'Nội dung phản cảm', 2, 5),
  ('vehicle', 'other', 'Something else', 'Lý do khác', 1, 100),
  ('person', 'fraud', 'It is a fraud', 'Lừa đảo', 3, 1),
  ('person', 'harassment', 'This person harasses or threatens', 'Quấy rối hoặc đe dọa', 3, 2),
  ('person', 'impersonation', 'This person pretends to be somebody else', 'Mạo danh người khác', 2, 3),
  ('person', 'offensive', 'Name or picture is offensive', 'Tên hoặc ảnh phản cảm', 2, 4),
  ('person', 'other', 'Something else', 'Lý do khác', 1, 100),
  ('event', 'fraud', 'It is a fraud: the event does not take place', 'Lừa đảo: sự kiện không có thật', 3, 1),
  ('event', 'illegal', 'It is illegal', 'Vi phạm pháp luật', 3, 2),
  ('event', 'misleading', 'Its details are wrong', 'Thông tin sai sự thật', 2, 3),
  ('event', 'offensive', 'It is offensive', 'Nội dung phản cảm', 2, 4),
  ('event', 'other', 'Something else', 'Lý do khác', 1, 100),
  ('message', 'harassment', 'It harasses or threatens', 'Quấy rối hoặc đe dọa', 3, 1),
  ('message', 'fraud', 'It is a fraud', 'Lừa đảo', 3, 2),
  ('message', 'spam', 'It is spam', 'Tin nhắn rác', 1, 3),
  ('message', 'offensive', 'It is offensive', 'Nội dung phản cảm', 2, 4),
  ('message', 'other', 'Something else', 'Lý do khác', 1, 100),
  ('review', 'untrue', 'It is not about this trip, or not true', 'Không liên quan đến chuyến đi hoặc sai sự thật', 2, 1),
  ('review', 'offensive', 'It is offensive', 'Nội dung phản cảm', 2, 2),
  ('review', 'private', 'It tells private things about somebody', 'Tiết lộ thông tin cá nhân', 3, 3),
  ('review', 'extortion', 'It was threatened with, to get something', 'Bị đe dọa đánh giá xấu để đòi lợi ích', 3, 4),
  ('review', 'other', 'Something else', 'Lý do khác', 1, 100);
alter table public.report_categories enable row level security;
revoke all on public.report_categories from anon, authenticated, service_role;
grant select on public.report_categories to anon, authenticated, service_role;
create policy select_all on public.report_categories for select to anon, authenticated using (true);

insert into private.notification_categories (code, position, name_en, name_vi, description_en, description_vi) values
  ('report', 59, 'Reports', 'Báo cáo', 'What became of your reports, and of what others reported of yours.', 'Kết quả báo cáo của bạn và xử lý đối với nội dung của bạn.');

select private.hold_no_persons('private.report_kinds', 'public.report_categories');
