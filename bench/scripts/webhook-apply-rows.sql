select bench.replay_webhook_2(:quote);
commit;
