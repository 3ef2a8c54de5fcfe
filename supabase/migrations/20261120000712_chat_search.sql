-- Chat: finding messages by their words.
-- Rule kept here: a search looks at what the caller may read and at nothing else: the numbers in `readable`, and the texts
-- as they are now. A request that waits has no such numbers, a deleted message has no text, an earlier text is elsewhere.
-- Left out on purpose: system messages, which have no text but that of their reader's language.

insert into private.rate_limits (action, capacity, per_minute) values
  ('search_messages', 30, 30);

-- The words of a text as they are compared: lower case, no diacritics, đ as d. Signs part words, so that the parser meets
-- nothing that it takes for an address, a number with a sign or a tag. It costs as much as reading hundreds of rows: the
-- planner must not think that it may as well be asked of each.
create function private.message_words(p_text text)
returns tsvector
language plpgsql immutable strict parallel safe cost 1000 set search_path = ''
as $$
begin
  return to_tsvector('pg_catalog.simple', regexp_replace(private.fold_text(p_text), '[^[:alnum:]]+', ' ', 'g'));
end
$$;

-- With the conversation in it, so that a word that everybody uses costs nobody the messages of others. A short pending
-- list, because every search reads it.
create extension if not exists btree_gin with schema extensions;
create index messages_words_idx on public.messages using gin (conversation_id, private.message_words(body)) with (gin_pending_list_limit = 128);

create function private.search_messages(p_q text, p_conversation_id uuid, p_after jsonb, p_page_size int)
returns jsonb
-- one plan for everybody: planning 64 partitions takes longer than most searches
language plpgsql volatile security definer set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := private.require_user();
  v_words text[];
  v_query tsquery;
  v_after public.messages;
  v_found jsonb;
begin
  perform private.take_token('search_messages', v_user_id::text);
  perform private.require_page_size(p_page_size);
  v_words := case when char_length(p_q) <= 80 then tsvector_to_array(private.message_words(p_q)) end;
  if v_words is null or cardinality(v_words) > 8 or char_length(array_to_string(v_words, '')) < 2 then
    perform private.fail_input('q', 'must have 2 to 80 characters in at most 8 words');
  end if;
  if p_after is not null then
    begin
      v_after.created_at := (p_after ->> 'created_at')::timestamptz;
      v_after.conversation_id := (p_after ->> 'conversation_id')::uuid;
      v_after.seq := (p_after ->> 'seq')::bigint;
    exception
      when data_exception then
        v_after.seq := null;
    end;
    if v_after.created_at is null or v_after.conversation_id is null or v_after.seq is null then
      perform private.fail_input('after', 'needs created_at, conversation_id and seq of the last row');
    end if;
  end if;
  if p_conversation_id is not null then
    perform private.require_reader(p_conversation_id);
  end if;
  v_query := (select string_agg(quote_literal(w) || ':*', ' & ')::tsquery from unnest(v_words) w);
  -- conversation by conversation: each is in one partition, and an index knows its words
  select coalesce(jsonb_agg(to_jsonb(f)), '[]') into v_found
  from (
    select x.*
    from public.conversation_members m
    cross join lateral (
      select t.conversation_id, t.seq, t.sender_id, t.body, t.created_at, t.edited_at
      from public.messages t
      where t.conversation_id = m.conversation_id and private.message_words(t.body) @@ v_query and m.readable @> t.seq
        and (v_after.seq is null or (t.created_at, t.conversation_id, t.seq) < (v_after.created_at, v_after.conversation_id, v_after.seq))
      order by t.created_at desc, t.seq desc
      limit p_page_size
    ) x
    where m.user_id = v_user_id and m.conversation_id = coalesce(p_conversation_id, m.conversation_id)
    order by x.created_at desc, x.conversation_id desc, x.seq desc
    limit p_page_size
  ) f;
  return v_found;
end
$$;
create function public.search_messages(q text, conversation_id uuid default null, after jsonb default null, page_size int default 20)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.search_messages(q, conversation_id, after, page_size) $$;
comment on function public.search_messages is 'Finds messages that people wrote by the beginnings of their words, with or without diacritics (`ha noi` finds Hà Nội, `d` finds Đ), newest first, in one conversation or, without `conversation_id`, in all of the caller. `q` has 2 to 80 characters in at most 8 words, and all words must be in the message. Answers rows {conversation_id, seq, sender_id, body, created_at, edited_at}: what the caller may read, as it is now. `after` takes {created_at, conversation_id, seq} of the last row, and `page_size` is 1 to 100. Repeatable. Errors: conversation_not_found, invalid_input, rate_limited.';
select private.expose_limited('search_messages(text, uuid, jsonb, int)', 'search_messages', 'auth.uid()', 'authenticated');
