select seq, change, kind, sender_id, client_message_id, body, data, reply_to_seq, mentions, '{}'::jsonb as reactions, created_at, edited_at, deleted_at from public.messages where conversation_id = bench.id('conversation', :conversation) and seq < :before order by seq desc limit 50;
commit;
