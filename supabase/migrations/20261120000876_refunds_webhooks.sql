-- Refunds: what webhooks tell the operator of refunds.
-- Rule kept here: as payments, refunds concern the platform alone.

create function private.webhook_owner_ids(p_refund public.refunds)
returns uuid[]
language sql immutable set search_path = ''
as $$ select '{}'::uuid[] $$;
select private.attach_webhooks('public.refunds', 'refund', '{}', 'payment_id', 'payable_id', 'payer_id', 'kind', 'amount', 'currency', 'method', 'provider', 'created_at', 'completed_at');
