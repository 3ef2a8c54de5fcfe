-- Ticketing: its errors, limits and settings, in the registries of foundation.
-- Rule kept here: what ticketing adds to a shared registry is in files of its own name.
-- Left out on purpose: states, which are beside the table that has them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('organizer_not_found', 404, false, 'We could not find this organizer, or you are not a member of it. Reload your organizers.', 'Không tìm thấy nhà tổ chức này hoặc bạn không phải là thành viên. Vui lòng tải lại danh sách.'),
  ('organizer_owner_stays', 409, false, 'The owner of an organizer stays its admin. Choose another member.', 'Chủ sở hữu luôn là quản trị viên của nhà tổ chức. Vui lòng chọn thành viên khác.'),
  ('already_member', 409, false, 'This person is a member already. Change the role instead.', 'Người này đã là thành viên. Hãy đổi vai trò thay vì mời lại.'),
  ('invitation_not_found', 404, false, 'We could not find this invitation. Reload your invitations.', 'Không tìm thấy lời mời này. Vui lòng tải lại danh sách lời mời.'),
  ('invitation_over', 409, false, 'This invitation was answered, withdrawn or is too old. Ask for a new one.', 'Lời mời này đã được trả lời, bị thu hồi hoặc quá hạn. Vui lòng xin lời mời mới.'),
  ('event_not_found', 404, false, 'We could not find this event. Reload and try again.', 'Không tìm thấy sự kiện này. Vui lòng tải lại rồi thử lại.'),
  ('event_not_editable', 409, false, 'This can no longer be changed at this event. Details name the field.', 'Không thể thay đổi mục này của sự kiện nữa. Vui lòng xem tên mục trong chi tiết.'),
  ('event_incomplete', 409, false, 'Something is missing before this event can go on. Details name it.', 'Sự kiện còn thiếu thông tin để tiếp tục. Vui lòng xem chi tiết.'),
  ('ticket_class_not_found', 404, false, 'We could not find this kind of ticket. Reload the event.', 'Không tìm thấy hạng vé này. Vui lòng tải lại sự kiện.'),
  ('ticket_class_has_sales', 409, false, 'Tickets of this kind are sold or reserved, so this stays as it is. Add another kind of ticket instead.', 'Hạng vé này đã có người mua hoặc giữ chỗ nên không thể đổi. Hãy thêm hạng vé khác.'),
  ('capacity_below_sold', 409, false, 'More tickets are sold or reserved than that. Choose at least details.least.', 'Số vé đã bán hoặc đang giữ nhiều hơn số này. Vui lòng chọn ít nhất bằng số nêu trong chi tiết.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('create_organizer', 5, 0.1),
  -- each may be a mail
  ('invite_member', 20, 1),
  ('create_event', 30, 5),
  ('search_events', 60, 60),
  ('search_events_network', 300, 600);
