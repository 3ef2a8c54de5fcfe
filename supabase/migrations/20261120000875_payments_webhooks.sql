-- Payments: what webhooks tell the operator of payments.
-- Rule kept here: hosts and organizers hear of bookings and orders; what providers do concerns the platform alone.

create function private.webhook_owner_ids(p_payment public.payments)
returns uuid[]
language sql immutable set search_path = ''
as $$ select '{}'::uuid[] $$;
select private.attach_webhooks('public.payments', 'payment', '{}', 'payable_id', 'payer_id', 'amount', 'currency', 'refunded_amount', 'expires_at', 'succeeded_at', 'created_at');
