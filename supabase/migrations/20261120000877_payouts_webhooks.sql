-- Payouts: what webhooks tell of payouts.
-- Rule kept here: who is paid hears of it, without the account.

create function private.webhook_owner_ids(p_payout public.payouts)
returns uuid[]
language sql immutable set search_path = ''
as $$ select array[p_payout.user_id] $$;
select private.attach_webhooks('public.payouts', 'payout', '{user}', 'user_id', 'amount', 'currency', 'scheduled_at', 'paid_at');
