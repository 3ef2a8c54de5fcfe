-- Identity: when what a person is told about the account is no longer so.
-- Rule kept here: somebody who has sent a new licence is not reminded of the old one.
-- Left out on purpose: what has happened and stays true.

create function private.void_licence_reminder(p_note public.notifications)
returns text
language sql stable set search_path = ''
as $$
  select case when not exists (
    select from public.driver_licences l
    where l.id = (p_note.data ->> 'licence_id')::uuid and l.status in ('verified', 'expired')
      and l.valid_until::text = p_note.data #>> '{ends_on,day}' and not private.is_replaced(l)
  ) then 'cause_over' end
$$;
insert into private.notification_causes (template, function_name) values
  ('licence_expiring', 'void_licence_reminder'), ('licence_ended', 'void_licence_reminder');
