-- Reviews: the notifications, in Vietnamese and English.
-- Rule kept here: a text never says what was written before it is public.

insert into public.notification_templates (code, locale, category, title, body) values
  ('review_written_subject', 'en', 'review', 'You were reviewed', 'The other side has reviewed your trip with {{vehicle}}. Write your review to read it.'),
  ('review_written_subject', 'vi', 'review', 'Bạn có đánh giá mới', 'Bên kia đã đánh giá chuyến đi với {{vehicle}}. Hãy viết đánh giá của bạn để xem.'),
  ('review_released_subject', 'en', 'review', 'A review is public', 'A review of your trip with {{vehicle}} is public: {{rating}} of 5. You may answer it once.'),
  ('review_released_subject', 'vi', 'review', 'Đánh giá đã được công khai', 'Đánh giá về chuyến đi với {{vehicle}} đã được công khai: {{rating}}/5. Bạn có thể phản hồi một lần.'),
  ('review_answered_author', 'en', 'review', 'Your review was answered', 'The other side has answered your review of the trip with {{vehicle}}.'),
  ('review_answered_author', 'vi', 'review', 'Đánh giá của bạn có phản hồi', 'Bên kia đã phản hồi đánh giá của bạn về chuyến đi với {{vehicle}}.'),
  ('review_hidden_author', 'en', 'review', 'Your review was hidden', 'Your review of the trip with {{vehicle}} was hidden: {{reason}}. Contact support if you disagree.'),
  ('review_hidden_author', 'vi', 'review', 'Đánh giá của bạn bị ẩn', 'Đánh giá của bạn về chuyến đi với {{vehicle}} đã bị ẩn. Lý do: {{reason}}. Vui lòng liên hệ hỗ trợ nếu bạn không đồng ý.'),
  ('review_restored_author', 'en', 'review', 'Your review is no longer hidden', 'Your review of the trip with {{vehicle}} is no longer hidden.'),
  ('review_restored_author', 'vi', 'review', 'Đánh giá của bạn không còn bị ẩn', 'Đánh giá của bạn về chuyến đi với {{vehicle}} không còn bị ẩn.'),
  ('review_invited', 'en', 'review', 'How was your trip?', 'Review your trip with {{vehicle}}. The other side reads it when both have written, or after the time for it is over.'),
  ('review_invited', 'vi', 'review', 'Chuyến đi của bạn thế nào?', 'Hãy đánh giá chuyến đi với {{vehicle}}. Bên kia chỉ đọc được khi cả hai đã viết hoặc khi hết hạn đánh giá.');

create function private.addressees(p_review public.reviews)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[
    ('author', p_review.author_id), ('subject', p_review.subject_id),
    -- who has written already is told when both are public
    ('silent_subject', case when not exists (
      select from public.reviews r where r.booking_id = p_review.booking_id and r.side <> p_review.side and r.status <> 'withdrawn'
    ) then p_review.subject_id end)
  ]::private.addressee[];
end
$$;
create function private.notification_data(p_review public.reviews)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'review_id', p_review.id, 'booking_id', p_review.booking_id, 'vehicle_id', p_review.vehicle_id,
    'vehicle', (select v.title from public.vehicles v where v.id = p_review.vehicle_id)
  )
  -- it is stored with the notification, and readable there
  || case when p_review.released_at is not null then jsonb_build_object('rating', p_review.rating) else '{}' end
  || case when p_review.status = 'hidden' then jsonb_build_object('reason', p_review.hidden_reason) else '{}' end;
end
$$;
insert into private.notification_audiences (machine, audience) values
  ('review', 'author'), ('review', 'subject'), ('review', 'silent_subject');
insert into private.notification_rules (machine, event, from_state, audience, template, channels) values
  ('review', 'write', null, 'silent_subject', 'review_written_subject', '{in_app}'),
  ('review', 'release', null, 'subject', 'review_released_subject', '{in_app}'),
  ('review', 'hide', null, 'author', 'review_hidden_author', '{in_app}'),
  ('review', 'restore', null, 'author', 'review_restored_author', '{in_app}'),
  ('review', 'restore_unreleased', null, 'author', 'review_restored_author', '{in_app}'),
  ('booking', 'complete', null, 'renter', 'review_invited', '{in_app}'),
  ('booking', 'complete', null, 'host', 'review_invited', '{in_app}'),
  ('booking', 'settle', null, 'renter', 'review_invited', '{in_app}'),
  ('booking', 'settle', null, 'host', 'review_invited', '{in_app}');
