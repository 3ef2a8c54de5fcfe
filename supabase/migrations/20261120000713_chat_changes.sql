-- Chat: which transaction changed a row last, so that a device can be told what changed since its last look.
-- Rule kept here: a mark is the number of the transaction, and what a device has seen is a snapshot: both are those of
-- PostgreSQL, so that a transaction that took long is missed by nobody and no row is locked for it. A time of the clock, or
-- a counter without a lock, would pass over what commits late.
-- Left out on purpose: reading them, which is chat_sync.

alter table public.conversations add column changed_in xid8 not null default pg_current_xact_id();
alter table public.conversation_members
  add column changed_in xid8 not null default pg_current_xact_id(),
  add column window_changed_in xid8 not null default pg_current_xact_id();
alter table public.conversation_markers add column changed_in xid8 not null default pg_current_xact_id();
alter table public.messages add column changed_in xid8 not null default pg_current_xact_id();
comment on column public.conversations.changed_in is 'The transaction that changed this row last; sync_chat compares it with the snapshot of its cursor. So are those of members, markers and messages.';
comment on column public.conversation_members.window_changed_in is 'The transaction that changed `readable` last.';

create trigger stamp_change before update on public.conversations for each row execute function private.stamp_change();
create trigger stamp_change before update on public.conversation_members for each row execute function private.stamp_change();
create trigger stamp_change before update on public.conversation_markers for each row execute function private.stamp_change();
create trigger stamp_change before update on public.messages for each row execute function private.stamp_change();

create function private.stamp_window()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  new.window_changed_in := pg_current_xact_id();
  return new;
end
$$;
create trigger stamp_window before update of readable on public.conversation_members
  for each row when (old.readable is distinct from new.readable) execute function private.stamp_window();
