-- Payables: cancelling one, whatever its kind.
-- Rule kept here: an admin who looks at money needs one command for every kind. The kind decides whether it is too late
-- and what goes back.
-- Left out on purpose: payers and earners, who cancel with the commands of the module that owns the kind.

create function private.cancel_payable(p_payable_id uuid, p_reason text, p_idempotency_key uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_payable public.payables;
  v_function text;
begin
  perform private.require_admin();
  v_stored := private.begin_command('cancel_payable', p_idempotency_key, jsonb_build_object('payable_id', p_payable_id, 'reason', p_reason));
  if v_stored is not null then
    return v_stored;
  end if;
  perform private.require_reason(p_reason);
  v_payable := private.lock_payable(p_payable_id);
  if v_payable.id is null then
    perform private.fail('payable_not_found');
  end if;
  select cancel_function into strict v_function from private.payable_kinds where kind = v_payable.kind;
  perform private.set_audit_context('admin', p_reason);
  execute 'select private.' || quote_ident(v_function) || '($1, $2)' using p_payable_id, private.tidy_lines(p_reason);
  v_stored := private.payable_view(p_payable_id);
  perform private.finish_command(p_idempotency_key, v_stored);
  return v_stored;
end
$$;
create function public.cancel_payable(payable_id uuid, reason text, idempotency_key uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.cancel_payable(payable_id, reason, idempotency_key) $$;
comment on function public.cancel_payable is 'Admin: cancels what a payment pays, by the rules of its kind. The kind may refuse with its own errors. Answers the payable {id, kind, code, title, starts_at, ends_at, amount, currency}. Errors: forbidden, payable_not_found, invalid_input.';
select private.expose('cancel_payable(uuid, text, uuid)', 'authenticated');
