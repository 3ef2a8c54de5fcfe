-- Identity: whom people want nothing to do with.
-- Rule kept here: a block works in both directions and only its author sees it. What it refuses is refused to both with
-- one code, which does not say who has blocked whom.
-- Left out on purpose: ending what the two have agreed already. A booking or a request that exists goes on, and either
-- side may cancel or decline it.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('booking_not_possible', 403, false, 'You cannot book this vehicle. Choose another one.', 'Bạn không thể đặt xe này. Vui lòng chọn xe khác.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('block_user', 20, 2);

create table public.user_blocks (
  user_id uuid not null references public.profiles on delete cascade,
  blocked_id uuid not null references public.profiles on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, blocked_id),
  constraint user_blocks_of_somebody_else check (user_id <> blocked_id)
);
create index user_blocks_blocked_idx on public.user_blocks (blocked_id, user_id);
create index user_blocks_list_idx on public.user_blocks (user_id, created_at desc, blocked_id desc);
comment on table public.user_blocks is 'Who has blocked whom. Written by block_user and unblock_user. When either account is deleted, the row is erased.';
comment on column public.user_blocks.user_id is 'Who has blocked. The other one cannot read the row.';

alter table public.user_blocks enable row level security;
revoke all on public.user_blocks from anon, authenticated, service_role;
grant select on public.user_blocks to authenticated;
create policy select_own on public.user_blocks for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

-- Everything that two people do with each other asks this. False when either is null.
create function private.is_blocked(p_a uuid, p_b uuid)
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (select from public.user_blocks where user_id = p_a and blocked_id = p_b)
      or exists (select from public.user_blocks where user_id = p_b and blocked_id = p_a);
end
$$;
comment on function private.is_blocked is 'Whether one of the two has blocked the other.';

-- For lists: asked once, and then compared with each row.
create function private.blocked_with(p_user_id uuid)
returns uuid[]
language plpgsql stable security definer set search_path = ''
as $$
begin
  return array(
    select blocked_id from public.user_blocks where user_id = p_user_id
    union all
    select user_id from public.user_blocks where blocked_id = p_user_id
  );
end
$$;
comment on function private.blocked_with is 'Everybody whom this person has blocked or who has blocked this person.';

create function private.block_user(p_user_id uuid)
returns public.user_blocks
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_block public.user_blocks;
begin
  perform private.take_token('block_user', v_user_id::text);
  if p_user_id is null or p_user_id = v_user_id then
    perform private.fail_input('user_id', 'must be the id of somebody else');
  end if;
  if not exists (select from public.profiles where id = p_user_id and deleted_at is null) then
    perform private.fail('not_found');
  end if;
  insert into public.user_blocks (user_id, blocked_id) values (v_user_id, p_user_id)
  on conflict do nothing
  returning * into v_block;
  if not found then
    select * into v_block from public.user_blocks where user_id = v_user_id and blocked_id = p_user_id;
  end if;
  return v_block;
end
$$;
create function public.block_user(user_id uuid)
returns public.user_blocks
language sql volatile set search_path = ''
as $$ select private.block_user(user_id) $$;
comment on function public.block_user is 'Blocks a person for the caller: from then on the two cannot make new bookings with each other, and do not find each other''s vehicles. The person is not told. What they have booked already goes on. Repeatable. Errors: not_found, invalid_input, rate_limited.';
select private.expose_limited('block_user(uuid)', 'block_user', 'auth.uid()', 'authenticated');

create function private.unblock_user(p_user_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  delete from public.user_blocks where user_id = v_user_id and blocked_id = p_user_id;
end
$$;
create function public.unblock_user(user_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.unblock_user(user_id) $$;
comment on function public.unblock_user is 'Ends the caller''s block of a person. A block by that person stays. Repeatable.';
select private.expose('unblock_user(uuid)', 'authenticated');

create function public.my_blocks(after jsonb default null, page_size int default 20)
returns table (user_id uuid, display_name text, avatar_path text, created_at timestamptz)
language plpgsql stable set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(after, 'created_at', page_size);
begin
  return query
    select b.blocked_id, p.display_name, p.avatar_path, b.created_at
    from public.user_blocks b
    left join lateral public.public_profile(b.blocked_id) p on true
    where b.user_id = v_user_id
      and (v_start.id is null or (b.created_at, b.blocked_id) < (v_start.at, v_start.id))
    order by b.created_at desc, b.blocked_id desc
    limit page_size;
end
$$;
comment on function public.my_blocks is 'Lists the people whom the caller has blocked, the last one first, with what is public of them. `after` takes {created_at, id} of the last row, where id is its user_id. Errors: invalid_input.';
select private.expose('my_blocks(jsonb, int)', 'authenticated');

insert into private.personal_tables (relation, whose, treatment, why) values
  ('public.user_blocks', 'r.user_id = $1', 'erase', 'Whom the person did not want to meet.');
select private.retain_columns('public.user_blocks', 'The row is of the one who blocked, and goes with that account.', 'blocked_id');
