select * from bench.replay_chat_1(:call);
commit;
