-- Chat: messages that staff has hidden.
-- Rule kept here: while a message is hidden its words are in no row that members read, so that no list, search, push or
-- export shows them; showing it again puts back exactly what was there. Its sender can still delete it for good.
-- Left out on purpose: why it is hidden and by whom, which reports know.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('message_hidden', 409, false, 'This message was hidden by support, so it cannot be changed. You can delete it.', 'Tin nhắn này đã bị bộ phận hỗ trợ ẩn nên không thể sửa. Bạn có thể xóa tin nhắn.');

create table private.hidden_messages (
  conversation_id uuid not null,
  seq bigint not null,
  body text,
  mentions uuid[] not null,
  primary key (conversation_id, seq),
  constraint hidden_messages_of_message foreign key (conversation_id, seq) references public.messages (conversation_id, seq) on delete restrict
);
comment on table private.hidden_messages is 'What hidden messages say. A row goes when its message is shown again or deleted.';
comment on column private.hidden_messages.body is 'Null for a message that is files only.';
alter table private.hidden_messages enable row level security;

-- Locks the conversation, and answers the message as it is.
create function private.lock_message(p_conversation_id uuid, p_seq bigint)
returns public.messages
language plpgsql volatile set search_path = ''
as $$
declare
  v_message public.messages;
begin
  perform from public.conversations where id = p_conversation_id for no key update;
  select * into v_message from public.messages where conversation_id = p_conversation_id and seq = p_seq;
  return v_message;
end
$$;

create function private.hide_message(p_conversation_id uuid, p_seq bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_message public.messages := private.lock_message(p_conversation_id, p_seq);
begin
  if v_message.seq is null or v_message.kind <> 'text' or v_message.deleted_at is not null or v_message.hidden_at is not null then
    perform private.fail('message_not_found');
  end if;
  insert into private.hidden_messages (conversation_id, seq, body, mentions) values (p_conversation_id, p_seq, v_message.body, v_message.mentions);
  update public.message_attachments set is_hidden = true where conversation_id = p_conversation_id and seq = p_seq;
  update public.messages set body = null, mentions = '{}', hidden_at = now() where conversation_id = p_conversation_id and seq = p_seq;
  perform private.finish_change(p_conversation_id, p_seq);
end
$$;
comment on function private.hide_message is 'For the module of reports: takes the words and files of a message away from its readers. Call it late in the transaction, as private.speak. Errors: message_not_found (also one that is deleted or hidden).';

create function private.show_message(p_conversation_id uuid, p_seq bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_hidden private.hidden_messages;
begin
  perform private.lock_message(p_conversation_id, p_seq);
  delete from private.hidden_messages where conversation_id = p_conversation_id and seq = p_seq returning * into v_hidden;
  if v_hidden.seq is null then
    perform private.fail('message_not_found');
  end if;
  update public.message_attachments set is_hidden = false where conversation_id = p_conversation_id and seq = p_seq;
  update public.messages set body = v_hidden.body, mentions = v_hidden.mentions, hidden_at = null
  where conversation_id = p_conversation_id and seq = p_seq;
  perform private.finish_change(p_conversation_id, p_seq);
end
$$;
comment on function private.show_message is 'For the module of reports: shows a hidden message again, as it was. Call it late in the transaction. Errors: message_not_found (not hidden, or deleted meanwhile).';

create function private.invariant_hidden_message_lost()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select coalesce(m.conversation_id, h.conversation_id)::text,
    format('message %s %s', coalesce(m.seq, h.seq), case when h.seq is null then 'is hidden, and what it said is gone' else 'is shown or deleted, and kept as hidden' end)
  from (select conversation_id, seq from public.messages where hidden_at is not null and deleted_at is null) m
  full join private.hidden_messages h using (conversation_id, seq)
  where m.seq is null or h.seq is null
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('hidden_message_lost', 'critical', 'What a hidden message says is not kept, or is kept for a message that is not hidden.',
    'Commands keep this, so somebody changed rows by SQL. Without a row the message cannot be shown again; take the words from private.report_evidence when it was reported. Remove a row of a message that is shown or deleted.');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.hidden_messages', 'exists (select from public.messages m where m.conversation_id = r.conversation_id and m.seq = r.seq and m.sender_id = $1)',
    'retain', '{body}', 'Is shown again when hiding it was wrong, as any other message that was sent.');
select private.retain_columns('private.hidden_messages', 'Was sent to others.', 'body', 'mentions');
