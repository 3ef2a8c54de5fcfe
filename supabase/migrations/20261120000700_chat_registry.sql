-- Chat: its errors, limits and settings, in the registries of foundation.
-- Rule kept here: what chat adds to a shared registry is in files of its own name.
-- Left out on purpose: states, which are beside the table that has them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('conversation_not_found', 404, false, 'We could not find this conversation. Reload your conversations.', 'Không tìm thấy cuộc trò chuyện này. Vui lòng tải lại danh sách.'),
  ('message_not_found', 404, false, 'We could not find this message. It may have been deleted.', 'Không tìm thấy tin nhắn này. Có thể tin nhắn đã bị xóa.'),
  ('conversation_closed', 403, false, 'You cannot write in this conversation.', 'Bạn không thể nhắn tin trong cuộc trò chuyện này.'),
  ('request_unanswered', 409, false, 'This person has not accepted your message request yet. Wait for an answer before you write more.', 'Người này chưa chấp nhận yêu cầu nhắn tin của bạn. Vui lòng chờ phản hồi rồi nhắn tiếp.'),
  ('edit_window_over', 409, false, 'This message is too old to be changed. You can still delete it.', 'Tin nhắn này đã quá thời gian cho phép chỉnh sửa. Bạn vẫn có thể xóa tin nhắn.'),
  ('group_full', 409, false, 'This group is full. Remove somebody first, or start a new group.', 'Nhóm đã đủ thành viên. Vui lòng xóa bớt thành viên hoặc tạo nhóm mới.'),
  ('last_group_admin', 409, false, 'A group needs an admin. Make somebody else an admin first.', 'Nhóm phải có quản trị viên. Vui lòng chỉ định quản trị viên khác trước.'),
  ('too_many_reactions', 409, false, 'This message has too many different reactions. Use one that is there already.', 'Tin nhắn này đã có quá nhiều loại cảm xúc. Vui lòng chọn một cảm xúc đã có.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('send_message', 60, 60),
  ('change_message', 60, 60),
  ('change_conversation', 60, 30),
  -- strangers who are asked: each request shows on somebody's screen
  ('request_conversation', 10, 0.0417);

alter table private.settings
  add constraint settings_chat_edit_minutes check (key <> 'chat_edit_minutes' or private.is_whole(value, 0, 1440)),
  add constraint settings_chat_group_members check (key <> 'chat_group_members' or private.is_whole(value, 2, 1000)),
  add constraint settings_chat_request_messages check (key <> 'chat_request_messages' or private.is_whole(value, 1, 20));
insert into private.settings (key, value, description) values
  ('chat_edit_minutes', '15', 'Minutes in which the sender may change a message; 0 allows no change.'),
  ('chat_group_members', '256', 'People in one group, with those who were invited, at most 1,000.'),
  ('chat_request_messages', '3', 'Messages that a stranger may write before the message request is accepted.');
