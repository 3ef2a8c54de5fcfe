-- Chat: conversations, their members and messages.
-- Rule kept here: messages of a conversation are numbered without gaps; a person reads the numbers in `readable` and no
-- other, so that a request that waits, or a group that was left, shows nothing by any path.
-- Left out on purpose: typing and presence, which are never rows; drafts, which stay on the device.

insert into private.transitions (machine, from_state, event, to_state) values
  ('conversation_member', 'initial', 'join', 'active'),
  ('conversation_member', 'initial', 'invite', 'invited'),
  ('conversation_member', 'invited', 'accept', 'active'),
  ('conversation_member', 'invited', 'decline', 'declined'),
  ('conversation_member', 'invited', 'withdraw', 'removed'),
  ('conversation_member', 'declined', 'reopen', 'active'),
  ('conversation_member', 'active', 'leave', 'left'),
  ('conversation_member', 'active', 'remove', 'removed'),
  ('conversation_member', 'left', 'invite_back', 'invited'),
  ('conversation_member', 'removed', 'invite_again', 'invited'),
  ('conversation_member', 'removed', 'add_again', 'active');

create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  kind text not null,
  first_user_id uuid references public.profiles on delete restrict,
  second_user_id uuid references public.profiles on delete restrict,
  title text,
  owner_id uuid references public.profiles on delete restrict,
  avatar_media_id uuid unique references public.media on delete restrict,
  last_seq bigint not null default 0,
  last_change bigint not null default 0,
  last_message_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  constraint conversations_kind_known check (kind in ('direct', 'group', 'support')),
  constraint conversations_pair check (
    case when kind = 'direct' then first_user_id is not null and second_user_id is not null and first_user_id < second_user_id
    else first_user_id is null and second_user_id is null end
  ),
  constraint conversations_one_per_pair unique (first_user_id, second_user_id),
  constraint conversations_owner check ((kind = 'direct') = (owner_id is null)),
  constraint conversations_group_has_title check ((kind = 'group') = (title is not null)),
  constraint conversations_avatar_of_group check (kind = 'group' or avatar_media_id is null),
  constraint conversations_title_form check (private.is_tidy(title) and char_length(title) between 1 and 80),
  constraint conversations_numbers check (last_seq >= 0 and last_change >= last_seq)
) with (fillfactor = 70);
create unique index conversations_one_support_each on public.conversations (owner_id) where kind = 'support';
create index conversations_owner_idx on public.conversations (owner_id);
create index conversations_second_user_idx on public.conversations (second_user_id);
comment on table public.conversations is 'Conversations: direct (exactly one for each pair of people), group, and support (one for each person who asked). Written by commands.';
comment on column public.conversations.owner_id is 'Who started the group, or whom support helps. A direct conversation belongs to two people.';
comment on column public.conversations.first_user_id is 'Of a direct conversation: the two people, the smaller id first.';
comment on column public.conversations.last_seq is 'The seq of the newest message; 0 without one.';
comment on column public.conversations.last_change is 'Counts messages, and changes of messages, without gaps: what a client compares to know whether it missed one.';

create table public.conversation_members (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null references public.conversations on delete restrict,
  user_id uuid not null references public.profiles on delete restrict,
  role text not null default 'member',
  status text not null,
  invited_by uuid references public.profiles on delete restrict,
  reads_from bigint not null,
  readable int8multirange not null default '{}',
  read_seq bigint not null default 0,
  created_at timestamptz not null default now(),
  constraint conversation_members_once unique (conversation_id, user_id),
  constraint conversation_members_role_known check (role in ('admin', 'moderator', 'member')),
  constraint conversation_members_status_known check (status in ('invited', 'active', 'declined', 'left', 'removed')),
  -- who takes part reads what comes; nobody else does
  constraint conversation_members_reads_while_active check ((status = 'active') = (upper_inf(readable) and not isempty(readable))),
  constraint conversation_members_request_shows_nothing check (status not in ('invited', 'declined') or not readable @> reads_from),
  constraint conversation_members_reads_from check (reads_from >= 1 and read_seq >= 0)
) with (fillfactor = 70);
create index conversation_members_user_idx on public.conversation_members (user_id, status, conversation_id) include (readable);
create index conversation_members_invited_by_idx on public.conversation_members (invited_by);
select private.attach_state_machine('public.conversation_members', 'conversation_member');
comment on table public.conversation_members is 'Who takes part in a conversation, or did. Members see one another.';
comment on column public.conversation_members.role is 'admin changes the group and its people, moderator deletes messages of others and removes members; in a direct conversation both are members.';
comment on column public.conversation_members.status is 'invited is a message request that waits; removed also means that it was withdrawn. Written by commands.';
comment on column public.conversation_members.reads_from is 'The seq from which this person reads when the request is accepted.';
comment on column public.conversation_members.readable is 'The numbers of messages that this person may read: those of the times of taking part.';
comment on column public.conversation_members.read_seq is 'The last seq that this person has read and lets others know of.';

create table public.conversation_markers (
  conversation_id uuid not null references public.conversations on delete restrict,
  user_id uuid not null references public.profiles on delete restrict,
  read_seq bigint not null default 0,
  muted_until timestamptz,
  archived_at timestamptz,
  pinned_at timestamptz,
  primary key (user_id, conversation_id),
  constraint conversation_markers_of_member foreign key (conversation_id, user_id)
    references public.conversation_members (conversation_id, user_id) on delete restrict,
  constraint conversation_markers_read_seq check (read_seq >= 0)
) with (fillfactor = 70);
create index conversation_markers_member_idx on public.conversation_markers (conversation_id, user_id);
comment on table public.conversation_markers is 'What only its person sees of a conversation: how far it was read, whether it is muted, archived or pinned.';
comment on column public.conversation_markers.read_seq is 'The last seq that this person has read, also when others are not to know.';
comment on column public.conversation_markers.muted_until is 'Until then nothing of this conversation alerts the person. `infinity` means until it is changed.';

create table public.messages (
  conversation_id uuid not null references public.conversations on delete restrict,
  seq bigint not null,
  change bigint not null,
  kind text not null default 'text',
  sender_id uuid references public.profiles on delete restrict,
  client_message_id uuid,
  body text,
  attachment_count smallint not null default 0,
  data jsonb,
  reply_to_seq bigint,
  mentions uuid[] not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  edited_at timestamptz,
  deleted_at timestamptz,
  hidden_at timestamptz,
  primary key (conversation_id, seq),
  constraint messages_change_once unique (conversation_id, change),
  constraint messages_sent_once unique (conversation_id, sender_id, client_message_id),
  constraint messages_kind_known check (kind in ('text', 'system')),
  constraint messages_sender check ((kind = 'text') = (sender_id is not null and client_message_id is not null)),
  constraint messages_seq_positive check (seq >= 1 and change >= seq),
  -- a message that was deleted keeps its number and nothing else; one that staff has hidden also keeps count of its files
  constraint messages_something_until_deleted check (
    (kind = 'text' and deleted_at is null and hidden_at is null) = (body is not null or (attachment_count > 0 and hidden_at is null))),
  constraint messages_hidden_shows_nothing check (hidden_at is null or (kind = 'text' and body is null and mentions = '{}')),
  constraint messages_attachment_count check (attachment_count between 0 and 20),
  constraint messages_system_data check ((kind = 'system') = (data is not null)),
  constraint messages_body_form check (private.is_tidy_lines(body) and char_length(body) between 1 and 4000),
  constraint messages_nothing_after_delete check (deleted_at is null or (kind = 'text' and mentions = '{}' and attachment_count = 0)),
  -- it exists: the command looks, and messages are never removed. A foreign key between 64 partitions would be 4,096.
  constraint messages_reply_to_earlier check (reply_to_seq between 1 and seq - 1)
) partition by hash (conversation_id);
do $$
begin
  for i in 0 .. 63 loop
    execute format('create table private.messages_%s partition of public.messages for values with (modulus 64, remainder %s)', i, i);
  end loop;
end
$$;
create index messages_sender_idx on public.messages (sender_id);
create trigger never_removed before delete or truncate on public.messages
  for each statement execute function private.forbid_change();
comment on table public.messages is 'Messages, numbered by seq without gaps in each conversation. Split over 64 partitions by conversation. Written by commands.';
comment on column public.messages.change is 'The number of the last change of this message among all changes of its conversation; that of its sending at first.';
comment on column public.messages.kind is 'text is written by a person, system by the database about a booking or the group.';
comment on column public.messages.client_message_id is 'Made by the sender''s app before the first try, so that a message that is sent again is there once.';
comment on column public.messages.body is 'Plain text, 1 to 4,000 characters. Null in a system message, in one that is files only, after a deletion, and while it is hidden.';
comment on column public.messages.hidden_at is 'When staff hid it. Null for a message that is shown.';
comment on column public.messages.attachment_count is 'How many files it has in message_attachments, so that a message without any costs no look there.';
comment on column public.messages.data is 'Of a system message: {code, …}, the code of its text in conversation_texts and the values for it.';

create table public.message_reactions (
  conversation_id uuid not null,
  seq bigint not null,
  user_id uuid not null references public.profiles on delete restrict,
  emoji text not null,
  created_at timestamptz not null default now(),
  primary key (conversation_id, seq, user_id, emoji),
  constraint message_reactions_to_message foreign key (conversation_id, seq) references public.messages (conversation_id, seq) on delete restrict,
  -- one picture, with the invisible parts that some consist of
  constraint message_reactions_emoji_form check (char_length(emoji) between 1 and 12 and octet_length(emoji) > 2 and emoji !~ '[[:alnum:][:space:][:cntrl:]<>&]')
);
create index message_reactions_user_idx on public.message_reactions (user_id);
comment on table public.message_reactions is 'Reactions of members to messages. They go with a message that is deleted.';

create table private.message_edits (
  conversation_id uuid not null,
  seq bigint not null,
  change bigint not null,
  body text not null,
  replaced_at timestamptz not null default now(),
  primary key (conversation_id, seq, change),
  constraint message_edits_of_message foreign key (conversation_id, seq) references public.messages (conversation_id, seq) on delete restrict
);
comment on table private.message_edits is 'Earlier texts of messages that were changed, for admins who look into a report. They go with a message that is deleted.';
comment on column private.message_edits.body is 'The text before the change at replaced_at.';

create table public.conversation_texts (
  code text not null,
  locale text not null,
  text text not null,
  primary key (code, locale),
  constraint conversation_texts_code_form check (code ~ '^[a-z][a-z_]{2,40}$'),
  constraint conversation_texts_locale_known check (locale in ('en', 'vi'))
);
comment on table public.conversation_texts is 'The texts of system messages. {{name}} stands for a value of messages.data.';

alter table public.conversations enable row level security;
alter table public.conversation_members enable row level security;
alter table public.conversation_markers enable row level security;
alter table public.messages enable row level security;
alter table public.message_reactions enable row level security;
alter table public.conversation_texts enable row level security;
revoke all on public.conversations, public.conversation_members, public.conversation_markers, public.messages,
  public.message_reactions, public.conversation_texts from anon, authenticated, service_role;
grant select on public.conversations, public.conversation_markers, public.messages, public.message_reactions, public.conversation_texts to authenticated;
grant select (id, conversation_id, user_id, role, status, readable, read_seq, created_at) on public.conversation_members to authenticated;

-- The conversations that the caller takes part in now.
create function private.my_conversation_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select m.conversation_id from public.conversation_members m where m.user_id = auth.uid() and m.status = 'active';
end
$$;

-- What the caller may read of one conversation: numbers of messages.
create function private.my_readable(p_conversation_id uuid)
returns int8multirange
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (select readable from public.conversation_members where conversation_id = p_conversation_id and user_id = auth.uid());
end
$$;
create function private.my_conversation_topics()
returns setof text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select 'conversation:' || m.conversation_id from public.conversation_members m where m.user_id = auth.uid() and m.status = 'active';
end
$$;
create function private.shows_presence()
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (select p.shows_presence from public.profiles p where p.id = auth.uid());
end
$$;
grant execute on function private.my_conversation_ids(), private.my_conversation_topics(), private.shows_presence() to authenticated;

create policy select_own on public.conversations for select to authenticated
  using (id in (select private.my_conversation_ids()));
-- A request that waits and one that was declined look the same to others: neither is shown here. list_members shows both as invited.
create policy select_own on public.conversation_members for select to authenticated
  using (user_id = (select auth.uid()) or (status not in ('invited', 'declined') and conversation_id in (select private.my_conversation_ids())));
create policy select_own on public.conversation_markers for select to authenticated
  using (user_id = (select auth.uid()));
create policy select_readable on public.messages for select to authenticated
  using (exists (
    select from public.conversation_members m
    where m.conversation_id = messages.conversation_id and m.user_id = (select auth.uid()) and m.readable @> messages.seq
  ));
create policy select_readable on public.message_reactions for select to authenticated
  using (exists (
    select from public.conversation_members m
    where m.conversation_id = message_reactions.conversation_id and m.user_id = (select auth.uid()) and m.readable @> message_reactions.seq
  ));
create policy select_all on public.conversation_texts for select to authenticated using (true);

-- The topic of a conversation: members hear what changed, and say to each other that they are typing or there. What a
-- client says itself carries no text: anybody who has left may still listen until the token is renewed.
create policy select_own_conversation on realtime.messages for select to authenticated
  using (extension in ('broadcast', 'presence') and topic in (select private.my_conversation_topics()));
create policy insert_own_conversation on realtime.messages for insert to authenticated
  with check (
    topic in (select private.my_conversation_topics())
    and (extension = 'broadcast' or (extension = 'presence' and (select private.shows_presence())))
  );
insert into private.broadcasts (topic, event, payload) values
  ('conversation:{conversation_id}', 'changed', '{last_seq, last_change} of the conversation after a message was sent, changed, deleted or reacted to. A client reads what it lacks by list_message_changes.'),
  ('conversation:{conversation_id}', 'read', '{user_id, read_seq} of a member who lets others know.'),
  ('conversation:{conversation_id}', 'members', '{} after people joined, left or got another role, or the title changed.'),
  ('user:{user_id}', 'conversation', '{conversation_id, last_seq, last_change} after something in a conversation of this person changed, or their own marker did on whatever device. A client reads what it lacks.');
