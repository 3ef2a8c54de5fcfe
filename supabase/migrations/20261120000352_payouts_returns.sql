-- Payouts: a transfer that a bank gives back after it was paid, because the account is closed or is not its holder's.
-- Rule kept here: the payout stays as it was made, and its amount is its host's again, as an earning that the next payout takes.
-- What came into our bank account, and waits as unmatched money, is settled by the same act, so nothing is counted twice.
-- Left out on purpose: a refund that a bank gives back: that money waits as unmatched money of its payer, and is sent on from there.

create function private.record_returned_payout(p_payout_id uuid, p_note text, p_unmatched_id uuid, p_keeps_account boolean)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
  v_money private.unmatched_money;
begin
  perform private.require_admin();
  -- as setting an account does: the person, then payouts
  perform 1 from public.profiles p where p.id = (select o.user_id from public.payouts o where o.id = p_payout_id) for no key update;
  v_payout := private.lock_payout(p_payout_id);
  if v_payout.status = 'returned' then
    return v_payout;
  end if;
  perform private.require_status(v_payout, 'returned', 'paid');
  perform private.require_step_up();
  if not private.says_something(p_note, 3, 500) then
    perform private.fail_input('note', 'must have 3 to 500 characters');
  end if;
  if p_unmatched_id is not null then
    select * into v_money from private.unmatched_money where id = p_unmatched_id and status = 'open' for no key update;
    if not found then
      perform private.fail('unmatched_not_found');
    elsif (v_money.amount, v_money.currency) <> (v_payout.amount, v_payout.currency) then
      perform private.fail_input('unmatched_id', 'must be money of the amount of the payout');
    end if;
    update private.unmatched_money set status = 'settled', settlement = 'returned', settled_by = auth.uid(), settled_at = now(), note = private.tidy_lines(p_note)
    where id = p_unmatched_id;
  end if;
  perform private.set_audit_context('admin', p_note);
  insert into private.payout_returns (payout_id, unmatched_id, note, recorded_by) values (p_payout_id, p_unmatched_id, private.tidy_lines(p_note), auth.uid());
  update public.payouts set status = 'returned', failure_code = 'returned' where id = p_payout_id returning * into v_payout;
  perform private.post_ledger('transfer_returned', p_payout_id::text, v_payout.currency, null, array[
    case when p_unmatched_id is null then ('clearing', v_payout.provider, v_payout.amount)::private.ledger_line
      else ('unmatched', p_unmatched_id::text, v_payout.amount)::private.ledger_line end,
    ('host_payable', v_payout.user_id::text, -v_payout.amount)::private.ledger_line
  ]);
  -- the next payout would come back as well
  if not coalesce(p_keeps_account, false) and exists (select from public.bank_accounts a where a.id = v_payout.bank_account_id and a.removed_at is null) then
    perform private.end_bank_account(v_payout.user_id);
  end if;
  return v_payout;
end
$$;
create function public.record_returned_payout(payout_id uuid, note text, unmatched_id uuid default null, keeps_account boolean default false)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.record_returned_payout(payout_id, note, unmatched_id, keeps_account) $$;
comment on function public.record_returned_payout is 'Admin: records that a bank gave a paid payout back. Its amount becomes available to the host again, who is told. `unmatched_id` is the money as it came into our bank account (unmatched_money), of the same amount; leave it out when the provider of the payout has it. The account is removed, so that the host adds another, unless `keeps_account` is true. `note` (3–500 characters) is what the bank said. Repeatable. Needs a passed step-up in the same session. Errors: forbidden, payout_not_found, step_up_required, unmatched_not_found, illegal_transition, invalid_input.';
select private.expose('record_returned_payout(uuid, text, uuid, boolean)', 'authenticated');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('payout_returned', 'en', 'payment', 'Your bank returned a payout', 'Your bank returned the {{amount}} that we sent to your account ending in {{last_four}}. The money is still yours: please check your bank account in the app.', 'Your bank returned {{amount}}',
    E'Your bank returned the {{amount}} that we sent to your bank account ending in {{last_four}}.\n\nThe money is still yours. Please check or add your bank account in the app: the next payout goes there.'),
  ('payout_returned', 'vi', 'payment', 'Ngân hàng trả lại tiền', 'Ngân hàng đã trả lại {{amount}} mà chúng tôi chuyển vào tài khoản có bốn số cuối {{last_four}} của bạn. Số tiền này vẫn là của bạn: vui lòng kiểm tra tài khoản ngân hàng trong ứng dụng.', 'Ngân hàng đã trả lại {{amount}}',
    E'Ngân hàng đã trả lại {{amount}} mà chúng tôi chuyển vào tài khoản ngân hàng có bốn số cuối {{last_four}} của bạn.\n\nSố tiền này vẫn là của bạn. Vui lòng kiểm tra hoặc thêm tài khoản ngân hàng trong ứng dụng: đợt chi trả tiếp theo sẽ được chuyển vào đó.');
insert into private.notification_rules (machine, event, audience, template, channels, only_if) values
  ('payout', 'return', 'owner', 'payout_returned', '{in_app,email}', '{}');
