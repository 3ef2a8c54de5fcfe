-- Identity: what must hold of bank accounts at any time.
-- Rule kept here: every number can be read with the key that is here.
-- Left out on purpose: what is sent to an account, which refunds and payouts check.

-- Whether the number of an account can be read with the key that is here, and is the one it was.
create function private.is_readable(p_account public.bank_accounts)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(right(private.bank_account_number(p_account.id), 4) = p_account.account_last4, false);
exception
  -- as pgcrypto says "wrong key"
  when external_routine_invocation_exception then
    return false;
end
$$;

create function private.invariant_bank_account_unreadable()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select b.id::text, 'of ' || b.user_id
  -- decrypting each takes a moment, and a lost key shows in any one of them
  from (
    (select * from public.bank_accounts order by created_at desc limit 100)
    union
    (select * from public.bank_accounts order by created_at limit 100)
  ) b
  -- the numbers of a deleted account are erased
  join public.profiles p on p.id = b.user_id and p.deleted_at is null
  where not private.is_readable(b::public.bank_accounts)
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('bank_account_unreadable', 'critical', 'One of the 100 oldest or 100 newest bank account numbers cannot be read with the key that is here.',
    'The key in private.secrets is not the one that encrypted these numbers, or a number is gone: a restore mixed two databases. Nothing can be paid to these accounts until the key of their backup is back.');
