select bench.replay_webhook_1(:quote);
commit;
