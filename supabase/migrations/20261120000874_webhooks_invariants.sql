-- Webhooks: what must hold at any time and no constraint can say.
-- Rule kept here: an event that waits is with the outbox; what can be sent can be signed.

create function private.invariant_webhook_not_queued()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select d.id::text, format('pending since %s, and no outbox row will send it', d.next_at)
  from private.webhook_deliveries d
  where d.status = 'pending' and not exists (
    select from private.outbox o
    where o.topic = 'webhook' and o.dedupe_key = d.id || ':' || d.queued and o.status in ('pending', 'leased'))
$$;

create function private.invariant_webhook_without_secret()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select e.id::text, 'has no secret to sign events with'
  from private.webhook_endpoints e
  where not exists (select from private.webhook_secrets s where s.endpoint_id = e.id and s.expires_at is null)
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('webhook_not_queued', 'warning', 'A webhook event is pending, and nothing will send it.',
    'Look for a dead outbox row of topic webhook (list_dead_letters), put its cause right, and call resend_webhook or requeue_dead_letter.'),
  ('webhook_without_secret', 'warning', 'A webhook endpoint has no secret, so nothing can be sent to it.',
    'Ask its owner to make a new secret (rotate_webhook_secret), and find out who deleted the row.');
