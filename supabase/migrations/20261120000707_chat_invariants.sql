-- Chat: what must hold of conversations at any time.
-- Rule kept here: numbers of messages have no gaps, and a group with people has an admin.
-- Left out on purpose: what constraints keep.

create function private.invariant_message_gap()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, format('last_seq %s, last_change %s; %s messages', c.last_seq, c.last_change, coalesce(m.messages, 0))
  from public.conversations c
  left join (
    select conversation_id, count(*) as messages, max(seq) as seq, max(change) as change from public.messages group by conversation_id
  ) m on m.conversation_id = c.id
  where c.last_seq <> coalesce(m.messages, 0) or c.last_seq <> coalesce(m.seq, 0) or c.last_change <> coalesce(m.change, 0)
$$;

create function private.invariant_group_without_admin()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, c.title
  from public.conversations c
  join public.conversation_members m on m.conversation_id = c.id and m.status = 'active'
  where c.kind = 'group'
  group by c.id, c.title
  having bool_and(m.role <> 'admin')
$$;

create function private.invariant_text_after_delete()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select m.conversation_id::text, 'message ' || m.seq
  from public.messages m
  where m.deleted_at is not null
    and (exists (select from private.message_edits e where e.conversation_id = m.conversation_id and e.seq = m.seq)
      or exists (select from public.message_reactions r where r.conversation_id = m.conversation_id and r.seq = m.seq))
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('message_gap', 'critical', 'The numbers of a conversation have a gap, or its counters are not those of its last message.',
    'A constraint and one lock keep this, so somebody wrote or removed messages by SQL. Apps of its members ask for the missing number again and again until it is there.'),
  ('group_without_admin', 'warning', 'A group has members and no admin.',
    'A trigger keeps this, so somebody switched it off. Make a member an admin by SQL.'),
  ('text_after_delete', 'critical', 'Something of a message that was deleted is still stored.',
    'A defect in a command, or rows written by SQL. Remove the rows of message_edits and message_reactions that belong to this message.');

-- Support: who waits.
create function private.support_waits(out conversation_id uuid, out user_id uuid, out waiting_since timestamptz)
returns setof record
language sql stable set search_path = ''
as $$
  select c.id, c.owner_id, m.created_at
  from public.conversations c
  join public.messages m on m.conversation_id = c.id and m.seq = c.last_seq
  where c.kind = 'support' and m.sender_id = c.owner_id
$$;

create function private.support_queue(p_after jsonb, p_page_size int)
returns table (conversation_id uuid, user_id uuid, display_name text, waiting_since timestamptz, last_text text)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'waiting_since', p_page_size);
begin
  perform private.require_staff();
  return query
    select w.conversation_id, w.user_id, p.display_name, w.waiting_since, m.body
    from private.support_waits() w
    join public.conversations c on c.id = w.conversation_id
    join public.messages m on m.conversation_id = c.id and m.seq = c.last_seq
    join public.profiles p on p.id = w.user_id
    where v_start.id is null or (w.waiting_since, w.conversation_id) > (v_start.at, v_start.id)
    order by w.waiting_since, w.conversation_id
    limit p_page_size;
end
$$;
create function public.support_queue(after jsonb default null, page_size int default 20)
returns table (conversation_id uuid, user_id uuid, display_name text, waiting_since timestamptz, last_text text)
language sql stable set search_path = ''
as $$ select * from private.support_queue($1, $2) $$;
comment on function public.support_queue is 'Support and admins: lists conversations with support whose person wrote last, the one that has waited longest first. join_support_conversation takes part. `after` takes {waiting_since, id} of the last row, where id is its conversation_id. Errors: forbidden, invalid_input.';
select private.expose('support_queue(jsonb, int)', 'authenticated');

create function private.count_support_waiting()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from private.support_waits() $$;
insert into private.health_counts (name, description) values
  ('support_waiting', 'Conversations with support whose person wrote last.');
