-- Bookings: what a partner's API key may do with its owner's bookings.
-- Rule kept here: a key answers requests and moves no money: it neither books, pays nor cancels.
-- Left out on purpose: how a key is checked (identity_api_keys).

select private.register_scope('bookings:read', 'See the bookings of your vehicles and who made them', 'Xem các chuyến đặt xe của bạn và người đặt', 'my_bookings', 'booking_detail');
select private.register_scope('bookings:write', 'Accept and decline booking requests', 'Chấp nhận và từ chối yêu cầu đặt xe', 'answer_booking');
