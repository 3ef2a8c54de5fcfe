-- Ticketing: errors, limits and settings of tickets, transfers and the door.
-- Rule kept here: what ticketing adds to a shared registry is in files of its own name.
-- Left out on purpose: states, which are beside the table that has them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('ticket_not_found', 404, false, 'We could not find this ticket among yours. Reload your tickets.', 'Không tìm thấy vé này trong danh sách của bạn. Vui lòng tải lại.'),
  ('ticket_cancelled', 409, false, 'This ticket was cancelled. It no longer opens the door.', 'Vé này đã bị hủy và không còn giá trị vào cửa.'),
  ('ticket_over', 409, false, 'The event of this ticket is over.', 'Sự kiện của vé này đã kết thúc.'),
  ('ticket_used', 409, false, 'This ticket was used at the door, so it stays as it is.', 'Vé này đã được dùng để vào cửa nên không thể thay đổi.'),
  ('ticket_fixed', 409, false, 'It is too late to pass this ticket on or to change its name; details.until says until when it was possible. Contact the organizer.', 'Đã hết hạn chuyển vé hoặc đổi tên trên vé. Vui lòng liên hệ ban tổ chức.'),
  ('transfers_forbidden', 409, false, 'The organizer does not allow tickets of this event to be passed on.', 'Ban tổ chức không cho phép chuyển vé của sự kiện này.'),
  ('transfer_not_found', 404, false, 'We could not find this offer of a ticket. Ask for a new one.', 'Không tìm thấy lời chuyển vé này. Vui lòng nhờ người gửi chuyển lại.'),
  ('transfer_over', 409, false, 'This offer of a ticket was answered, taken back or is too old. Ask for a new one.', 'Lời chuyển vé này đã được trả lời, bị thu hồi hoặc quá hạn. Vui lòng nhờ người gửi chuyển lại.'),
  ('check_in_list_not_found', 404, false, 'We could not find this check-in list, or you may not scan for this event. Ask the organizer.', 'Không tìm thấy danh sách soát vé này hoặc bạn không có quyền soát vé. Vui lòng hỏi ban tổ chức.'),
  ('tickets_not_configured', 503, false, 'Tickets cannot be shown for now. Try again later or contact support.', 'Hiện chưa thể hiển thị vé. Vui lòng thử lại sau hoặc liên hệ hỗ trợ.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('offer_ticket', 30, 3),
  ('accept_ticket', 10, 2),
  -- a fast gate lets in one person a second
  ('scan_ticket', 300, 180),
  ('sync_scans', 60, 60);

alter table private.settings
  add constraint settings_ticket_transfer_hours check (key <> 'ticket_transfer_hours' or private.is_whole(value, 1, 720)),
  add constraint settings_event_reminder_hours check (key <> 'event_reminder_hours' or private.is_whole(value, 1, 168));
insert into private.settings (key, value, description) values
  ('ticket_transfer_hours', '72', 'Hours: how long an offer of a ticket to another person can be accepted.'),
  ('event_reminder_hours', '24', 'Hours before its start at which the holders of tickets are reminded of an event.');
