-- Complaints: what webhooks tell the operator of complaints.
-- Rule kept here: what the two sides say to support stays there; the platform hears that there is a case and what became of it.

create function private.webhook_owner_ids(p_complaint public.complaints)
returns uuid[]
language sql immutable set search_path = ''
as $$ select '{}'::uuid[] $$;
select private.attach_webhooks('public.complaints', 'complaint', '{}', 'code', 'payable_id', 'kind', 'side', 'category', 'outcome', 'currency', 'refund_amount', 'decided_at', 'created_at');
