insert into bench.plain_messages (conversation_id, sender_id, body) values (bench.id('conversation', :conversation), bench.id('renter', :renter), 'Is the car still there on Saturday, and can I bring it back a little later?') returning *;
commit;
