-- Payables: freezing the money of a payable while something is unclear.
-- Rule kept here: while one freeze lives, no money of the payable moves on to anybody: nothing is paid out, and
-- nothing that is held is given back. A payout that is not sent yet stops too. All goes on when the last freeze ends.
-- A freeze of a booking is one of its extensions and charges too, also of those that come later.
-- Left out on purpose: who may complain and what is decided; complaints will place and end freezes here. What stops is
-- said by the modules that move money on (payouts, bookings).

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('payable_not_found', 404, false, 'We could not find what this payment is for. Reload and try again.', 'Không tìm thấy khoản cần thanh toán này. Vui lòng tải lại rồi thử lại.'),
  ('money_frozen', 409, false, 'This money is frozen while we check it. Ask support when it will be free again.', 'Khoản tiền này đang được tạm giữ để xem xét. Vui lòng liên hệ hỗ trợ để biết khi nào được giải tỏa.');

create table private.payable_freezes (
  id uuid primary key default gen_random_uuid(),
  payable_id uuid not null references public.payables on delete restrict,
  reason text not null,
  frozen_by uuid references public.profiles on delete restrict,
  frozen_at timestamptz not null default now(),
  ended_by uuid references public.profiles on delete restrict,
  ended_at timestamptz,
  constraint payable_freezes_reason_length check (char_length(reason) between 1 and 500),
  constraint payable_freezes_reason_tidy check (private.is_tidy_lines(reason))
);
create unique index payable_freezes_once_per_reason on private.payable_freezes (payable_id, reason) where ended_at is null;
comment on table private.payable_freezes is 'Why the money of a payable waits; several may freeze it, each by a reason of its own.';
alter table private.payable_freezes enable row level security;

create function private.is_frozen(p_payable_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from private.payable_freezes where payable_id = p_payable_id and ended_at is null);
end
$$;

-- What is frozen when somebody freezes a payable: the whole, where its money moves with that.
create function private.frozen_whole(p_payable_id uuid)
returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((
    select y.part_of from public.payables y join private.payable_kinds k on k.kind = y.kind and k.moves_with_whole
    where y.id = p_payable_id), p_payable_id);
end
$$;

-- Used by commands of other modules too. Callers hold the locks of the payable; the parts of one are moved under them, too.
create function private.freeze_money(p_payable_id uuid, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_whole uuid := private.frozen_whole(p_payable_id);
begin
  with added as (
    insert into private.payable_freezes (payable_id, reason, frozen_by)
    select v_whole, p_reason, auth.uid()
    union all
    select y.id, p_reason, auth.uid() from public.payables y where y.part_of = v_whole
    on conflict do nothing
    returning payable_id
  )
  insert into private.domain_events (type, subject_id, data)
  select 'payable.frozen', a.payable_id, jsonb_build_object('reason', p_reason) from added a;
end
$$;

-- Ends the freeze of one reason, or all of them, and those that its parts have from it. What the whole is frozen for does not
-- end for one of its parts. Callers hold the locks of the payable.
create function private.unfreeze_money(p_payable_id uuid, p_reason text default null)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_whole uuid := private.frozen_whole(p_payable_id);
  v_ended uuid[];
begin
  with ended as (
    update private.payable_freezes f set ended_at = now(), ended_by = auth.uid()
    where f.ended_at is null and (p_reason is null or f.reason = p_reason)
      and case when f.payable_id = v_whole
        then not exists (
          select from private.payable_freezes w join public.payables y on y.part_of = w.payable_id
          where y.id = v_whole and w.ended_at is null and w.reason = f.reason)
        else exists (
          select from private.payable_freezes w
          where w.payable_id = v_whole and w.ended_at is null and w.reason = f.reason)
      end
      and f.payable_id in (select v_whole union all select y.id from public.payables y where y.part_of = v_whole)
    returning f.payable_id
  )
  select array_agg(distinct e.payable_id) into v_ended from ended e;
  perform private.record_event('payable.unfrozen', e) from unnest(v_ended) e where not private.is_frozen(e);
end
$$;

-- A part that comes while its whole is frozen, such as a charge that is decided during a complaint.
create function private.freeze_new_part()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into private.payable_freezes (payable_id, reason, frozen_by)
  select new.id, f.reason, f.frozen_by from private.payable_freezes f where f.payable_id = new.part_of and f.ended_at is null;
  return null;
end
$$;
create trigger freeze_new_part after insert on public.payables
  for each row when (new.part_of is not null) execute function private.freeze_new_part();

create function private.freezes_of(p_payable_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object('payable_id', p_payable_id, 'frozen', private.is_frozen(p_payable_id), 'freezes', coalesce((
    select jsonb_agg(jsonb_build_object('reason', f.reason, 'frozen_by', f.frozen_by, 'frozen_at', f.frozen_at,
      'ended_by', f.ended_by, 'ended_at', f.ended_at) order by f.frozen_at, f.id)
    from private.payable_freezes f where f.payable_id = p_payable_id
  ), '[]'));
end
$$;

create function private.freeze_payable(p_payable_id uuid, p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  perform private.require_reason(p_reason);
  if (private.lock_payable(p_payable_id)).id is null then
    perform private.fail('payable_not_found');
  end if;
  perform private.set_audit_context('admin', p_reason);
  perform private.freeze_money(p_payable_id, private.tidy_lines(p_reason));
  return private.freezes_of(p_payable_id);
end
$$;
create function public.freeze_payable(payable_id uuid, reason text)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.freeze_payable(payable_id, reason) $$;
comment on function public.freeze_payable is 'Admin: freezes the money of a payable and of its parts: of a booking also that of its extensions and charges. Freezing an extension freezes its booking. Nothing of it is paid out or given back until every freeze has ended. Answers {payable_id, frozen, freezes}. Repeatable. Errors: forbidden, payable_not_found, invalid_input.';
select private.expose('freeze_payable(uuid, text)', 'authenticated');

create function private.unfreeze_payable(p_payable_id uuid, p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  if (private.lock_payable(p_payable_id)).id is null then
    perform private.fail('payable_not_found');
  end if;
  perform private.set_audit_context('admin');
  perform private.unfreeze_money(p_payable_id, private.tidy_lines(p_reason));
  return private.freezes_of(p_payable_id);
end
$$;
create function public.unfreeze_payable(payable_id uuid, reason text default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.unfreeze_payable(payable_id, reason) $$;
comment on function public.unfreeze_payable is 'Admin: ends the freeze with this reason, or every freeze when no reason is given. What waited goes on when no freeze is left. A charge stays frozen for what its booking is frozen for. Answers {payable_id, frozen, freezes}. Repeatable. Errors: forbidden, payable_not_found.';
select private.expose('unfreeze_payable(uuid, text)', 'authenticated');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.payables', 'r.payer_id = $1', 'retain', null, 'What was paid for; the books refer to it.'),
  ('private.payable_freezes', 'r.payable_id in (select p.id from public.payables p where p.payer_id = $1)', 'retain', '{}',
    'Says why money was kept back, which is between the platform and both parties. The person reads it in the app while it lasts.');
select private.retain_columns('public.payables', 'What the receipt says that was paid for.', 'code', 'title', 'currency');
select private.retain_columns('public.payables', 'Where its money goes, by ids.', 'split');
select private.retain_columns('private.payable_freezes', 'Evidence of a dispute.', 'reason');
select private.retain_columns('private.payable_freezes', 'Which admin decided.', 'frozen_by', 'ended_by');
select private.hold_no_persons('private.payable_kinds');

create function private.account_blocker_frozen_money(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select p.id from public.payables p
  where p.payer_id = p_user_id and exists (select from private.payable_freezes f where f.payable_id = p.id and f.ended_at is null)
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('frozen_money', 'Money of yours is frozen while it is checked. Wait for the decision, or contact support.', 'Một khoản tiền của bạn đang bị tạm giữ để kiểm tra. Vui lòng chờ kết quả hoặc liên hệ hỗ trợ.');

create function private.invariant_part_freeze_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select y.id::text, 'the whole is frozen and this part is not: ' || f.reason
  from private.payable_freezes f
  join public.payables y on y.part_of = f.payable_id
  where f.ended_at is null and not exists (
    select from private.payable_freezes g where g.payable_id = y.id and g.reason = f.reason and g.ended_at is null)
  union all
  select y.id::text, 'the part is frozen and its whole is not: ' || f.reason
  from private.payable_freezes f
  join public.payables y on y.id = f.payable_id
  join private.payable_kinds k on k.kind = y.kind and k.moves_with_whole
  where f.ended_at is null and not exists (
    select from private.payable_freezes g where g.payable_id = y.part_of and g.reason = f.reason and g.ended_at is null)
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('part_freeze_disagrees', 'critical', 'The money of a booking is frozen and that of its extension or charge is not, or the other way round.',
    'Somebody changed rows by SQL. Freeze the booking by the same reason (freeze_payable), or end the freeze that is left.');
