select public.send_message(bench.id('conversation', :conversation), 'Is the car still there on Saturday, and can I bring it back a little later?', gen_random_uuid());
commit;
