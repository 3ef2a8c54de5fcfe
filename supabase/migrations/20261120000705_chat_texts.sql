-- Chat: what system messages say.
-- Rule kept here: a system message stores a code and values, and each reader gets it in their own language.
-- Left out on purpose: texts about bookings, which are in chat_bookings.

insert into public.conversation_texts (code, locale, text) values
  -- in the list, of a message without a text
  ('files_sent', 'en', 'Files: {{count}}'),
  ('files_sent', 'vi', 'Đã gửi {{count}} tệp'),
  ('group_created', 'en', '{{name}} started the group “{{title}}”.'),
  ('group_created', 'vi', '{{name}} đã tạo nhóm “{{title}}”.'),
  ('group_renamed', 'en', '{{name}} renamed the group to “{{title}}”.'),
  ('group_renamed', 'vi', '{{name}} đã đổi tên nhóm thành “{{title}}”.'),
  ('member_joined', 'en', '{{name}} joined the group.'),
  ('member_joined', 'vi', '{{name}} đã tham gia nhóm.'),
  ('member_left', 'en', '{{name}} left the group.'),
  ('member_left', 'vi', '{{name}} đã rời nhóm.'),
  ('member_removed', 'en', '{{name}} was removed from the group.'),
  ('member_removed', 'vi', '{{name}} đã bị xóa khỏi nhóm.');
