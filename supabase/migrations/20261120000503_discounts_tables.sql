-- Discounts: codes that take something off a price, and who used them.
-- Rule kept here: a code is never used more often than it may be, in total and by one person: a counter with a check, and
-- numbers with a unique index. The maker of a code pays for it: the platform for rentals, an organizer for its events.
-- Left out on purpose: the arithmetic of rentals, which is the pricing library.

create table private.discount_scopes (
  scope text primary key,
  -- (person, id) answers whether the person has a booking or order of this kind, other than that one
  earlier_function text not null
);
comment on table private.discount_scopes is 'What discounts can be for. The module that sells it registers the function of schema private that knows a first time.';
create function private.check_discount_scope()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.earlier_function, 'uuid, uuid', 'boolean');
  return new;
end
$$;
create trigger functions_exist before insert or update on private.discount_scopes
  for each row execute function private.check_discount_scope();

create table public.discounts (
  id uuid primary key default gen_random_uuid(),
  code text not null,
  title text not null,
  scope text not null references private.discount_scopes on delete restrict,
  organizer_id uuid,
  event_id uuid,
  status text not null default 'active',
  percent_bps int,
  fixed_amount bigint,
  min_amount bigint not null default 0,
  max_amount bigint,
  currency text not null default 'VND',
  valid_from timestamptz not null default now(),
  valid_until timestamptz,
  total_limit int,
  per_user_limit int default 1,
  first_only boolean not null default false,
  is_listed boolean not null default false,
  uses int not null default 0,
  created_by uuid not null references public.profiles on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint discounts_of_scope unique (id, scope),
  constraint discounts_code_once unique nulls not distinct (organizer_id, code),
  constraint discounts_code_form check (code ~ '^[A-Z0-9][A-Z0-9_-]{3,29}$'),
  constraint discounts_title_tidy check (private.is_tidy(title)),
  constraint discounts_title_length check (char_length(title) <= 120),
  constraint discounts_organizer_id_known check ((scope = 'tickets') = (organizer_id is not null)),
  constraint discounts_event_id_known check (event_id is null or organizer_id is not null),
  constraint discounts_percent_bps_fit check (num_nonnulls(percent_bps, fixed_amount) = 1),
  constraint discounts_percent_bps_range check (percent_bps between 1 and 10000),
  constraint discounts_fixed_amount_range check (fixed_amount between 1 and 1000000000),
  constraint discounts_min_amount_range check (min_amount between 0 and 1000000000),
  constraint discounts_max_amount_range check (max_amount is null or (max_amount between 1 and 1000000000 and percent_bps is not null)),
  constraint discounts_valid_until_order check (valid_until > valid_from),
  constraint discounts_valid_from_range check (isfinite(valid_from) and isfinite(valid_until)),
  constraint discounts_total_limit_range check (total_limit between 1 and 10000000),
  constraint discounts_per_user_limit_range check (per_user_limit between 1 and 1000),
  constraint discounts_total_limit_fit check (uses >= 0 and uses <= total_limit),
  constraint discounts_uses_counted check (uses = 0 or total_limit is not null)
);
create index discounts_event_idx on public.discounts (event_id) where event_id is not null;
create index discounts_created_idx on public.discounts (created_at desc, id desc);
create index discounts_listed_idx on public.discounts (scope) where is_listed and status = 'active';
comment on table public.discounts is 'Codes that take something off a price. Amounts are in minor units of `currency`. Who made a code pays for it: the platform, or the organizer.';
comment on column public.discounts.code is 'What people type, in capital letters: codes are compared without regard to case. Unique among those of the platform, and among those of an organizer.';
comment on column public.discounts.scope is 'rental or tickets.';
comment on column public.discounts.organizer_id is 'Whose events it is for, and who pays for it. Null for one of the platform, which is for rentals.';
comment on column public.discounts.event_id is 'The one event that it is for. Null for all of the organizer.';
comment on column public.discounts.status is 'Machine discount. active, or paused: then nobody uses it anew.';
comment on column public.discounts.percent_bps is 'The share that is taken off, in basis points (1/100 of a percent). Null for a fixed amount.';
comment on column public.discounts.fixed_amount is 'What is taken off, at most the whole price. Null for a share.';
comment on column public.discounts.min_amount is 'The price from which on it can be used: before the discount, of a rental also before tax and without the deposit.';
comment on column public.discounts.max_amount is 'The most that a share takes off. Null without such a cap.';
comment on column public.discounts.valid_from is 'Nobody can use it before.';
comment on column public.discounts.valid_until is 'It is over at that moment. Null without an end.';
comment on column public.discounts.total_limit is 'How often it can be used by all together. Null without a limit.';
comment on column public.discounts.per_user_limit is 'How often one person can use it. Null without a limit.';
comment on column public.discounts.first_only is 'Whether it is for a person''s first booking, or first order, alone.';
comment on column public.discounts.is_listed is 'Whether available_discounts shows it to everybody who may use it. Otherwise it is for those who know the code.';
comment on column public.discounts.uses is 'Counts the redemptions with is_counted. One that was released may be among them until somebody needs its use.';
select private.attach_state_machine('public.discounts', 'discount');
create trigger touch before update on public.discounts for each row execute function private.touch();
create trigger immutable before update on public.discounts for each row
  when ((old.id, old.code, old.scope, old.organizer_id, old.event_id, old.currency, old.created_by, old.total_limit is null)
    is distinct from (new.id, new.code, new.scope, new.organizer_id, new.event_id, new.currency, new.created_by, new.total_limit is null))
  execute function private.forbid_change();

create table public.discount_redemptions (
  -- the id of the booking or order that it is for
  id uuid primary key,
  discount_id uuid not null,
  scope text not null,
  user_id uuid not null references public.profiles on delete restrict,
  status text not null,
  amount bigint not null,
  currency text not null default 'VND',
  held_until timestamptz,
  user_number int,
  user_limit int,
  first_only boolean not null,
  is_counted boolean not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint discount_redemptions_discount foreign key (discount_id, scope) references public.discounts (id, scope) on delete restrict,
  constraint discount_redemptions_amount_positive check (amount > 0),
  constraint discount_redemptions_held check ((status = 'reserved') = (held_until is not null)),
  constraint discount_redemptions_user_number_range check (user_number between 1 and user_limit and (user_number is null) = (user_limit is null))
);
-- one person uses a code as often as there are numbers, and two calls at once want the same one
create unique index discount_redemptions_user_number_once on public.discount_redemptions (discount_id, user_id, user_number) where status <> 'released';
-- nobody has two first times
create unique index discount_redemptions_first_once on public.discount_redemptions (user_id, scope) where first_only and status <> 'released';
create index discount_redemptions_user_idx on public.discount_redemptions (user_id, created_at desc, id desc);
create index discount_redemptions_discount_idx on public.discount_redemptions (discount_id, status);
create index discount_redemptions_to_free_idx on public.discount_redemptions (discount_id) where is_counted and status <> 'redeemed';
create index discount_redemptions_held_idx on public.discount_redemptions (held_until) where status = 'reserved';
comment on table public.discount_redemptions is 'What discounts took off bookings and orders; its id is theirs. One that is released was given back, and its code can be used once more.';
comment on column public.discount_redemptions.status is 'Machine discount_redemption. reserved while the booking or order waits for an answer or payment, redeemed once it is confirmed or completed, released when it was declined, expired, failed or was cancelled. Money that comes late redeems it again if the code still can be used.';
comment on column public.discount_redemptions.amount is 'What was taken off, tax not included for a rental; minor units of `currency`.';
comment on column public.discount_redemptions.held_until is 'Until when it is reserved: over at that moment, and then anybody may take its use. Null unless reserved.';
comment on column public.discount_redemptions.user_number is 'Which of the uses of one person it is. Null when one person may use the code without limit.';
comment on column public.discount_redemptions.user_limit is 'How many uses one person had when it was reserved.';
comment on column public.discount_redemptions.is_counted is 'Whether `uses` of its discount counts it.';
select private.attach_state_machine('public.discount_redemptions', 'discount_redemption');
create trigger touch before update on public.discount_redemptions for each row execute function private.touch();
create trigger immutable before update on public.discount_redemptions for each row
  when ((old.id, old.discount_id, old.scope, old.user_id, old.amount, old.currency) is distinct from (new.id, new.discount_id, new.scope, new.user_id, new.amount, new.currency))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.discount_redemptions
  for each statement execute function private.forbid_change();

alter table public.discounts enable row level security;
alter table public.discount_redemptions enable row level security;
alter table private.discount_scopes enable row level security;
revoke all on public.discounts, public.discount_redemptions from anon, authenticated, service_role;
grant select on public.discounts to service_role;
grant select (
  id, code, title, scope, organizer_id, event_id, status, percent_bps, fixed_amount, min_amount, max_amount, currency, valid_from, valid_until,
  total_limit, per_user_limit, first_only, is_listed, created_at, updated_at
) on public.discounts to authenticated;
grant select on public.discount_redemptions to authenticated, service_role;
create policy select_staff on public.discounts for select to authenticated using ((select private.is_staff()));
create policy select_own on public.discount_redemptions for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_staff()));

select private.only_live_persons('public.discounts', 'created_by');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.discounts', 'r.created_by = $1', 'retain', '{id,code,title,scope,status,created_at}', 'Says by whose word less was paid.'),
  ('public.discount_redemptions', 'r.user_id = $1', 'retain', '{id,scope,status,amount,currency,created_at}', 'What was agreed, for the books.');
select private.retain_columns('public.discounts', 'What a code promised.', 'created_by', 'code', 'title', 'currency', 'organizer_id', 'event_id');
select private.retain_columns('public.discount_redemptions', 'What was agreed.', 'currency');
select private.hold_no_persons('private.discount_scopes');
