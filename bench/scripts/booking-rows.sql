select * from bench.replay_booking_1(:quote);
commit;
