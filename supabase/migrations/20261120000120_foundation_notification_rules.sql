-- Foundation: who is notified of which move of a state machine, as data.
-- Rule kept here: private.record_transition() notifies people by these rows, whatever made the move, Studio included.
-- A rule names a move that exists, an audience that its machine has, and a text that exists in every language.
-- A module that takes part adds rows to both tables, and for the row type of its table the functions
-- private.addressees() and private.notification_data().
-- Left out on purpose: sending, and the push, which goes with the inbox wherever the text allows it.

create table private.notification_audiences (
  machine text not null,
  audience text not null,
  primary key (machine, audience)
);
comment on table private.notification_audiences is 'The kinds of people who may be notified of a machine''s moves. private.addressees(row) says who they are for one row.';

create table private.notification_rules (
  machine text not null,
  event text not null,
  from_state text,
  audience text not null,
  template text not null,
  channels text[] not null default '{in_app}',
  only_if jsonb not null default '{}',
  constraint notification_rules_once unique nulls not distinct (machine, event, audience, template, from_state),
  constraint notification_rules_audience_known foreign key (machine, audience) references private.notification_audiences,
  constraint notification_rules_channels_known check (channels <@ '{in_app,email,sms}'),
  -- every notification is in the inbox; the other channels repeat it
  constraint notification_rules_in_app check ('in_app' = any (channels)),
  constraint notification_rules_condition_form check (jsonb_typeof(only_if) = 'object')
);
comment on table private.notification_rules is 'Who is notified of a move, with which text, on which channels. A row added or removed takes effect with the next move.';
comment on column private.notification_rules.from_state is 'The state before the move. Null means any state.';
comment on column private.notification_rules.channels is 'in_app always; email and sms where the person gets them too. A push goes with in_app, unless the text has none.';
comment on column private.notification_rules.only_if is 'What the data of the text must contain, for example {"kind": "deposit"}. {} asks for nothing.';

-- One person to notify, and in which role.
create type private.addressee as (audience text, user_id uuid);

-- Called only when a machine lacks its own. Each machine with rules has one for the row type of its table.
create function private.addressees(p_row anyelement)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  raise exception 'private.addressees(%) does not exist', pg_typeof(p_row);
end
$$;
comment on function private.addressees(anyelement) is 'Who a row''s audiences are. A null user_id means that nobody is notified.';

create function private.notification_data(p_row anyelement)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  raise exception 'private.notification_data(%) does not exist', pg_typeof(p_row);
end
$$;
comment on function private.notification_data(anyelement) is 'What texts about a row may show. It is stored with the notification, so all of it is for the people who are told.';

-- The table whose status a machine moves.
create function private.machine_table(p_machine text)
returns regclass
language sql stable set search_path = ''
as $$
  select t.tgrelid
  from pg_catalog.pg_trigger t
  where t.tgname = 'transition_on_insert' and split_part(encode(t.tgargs, 'escape'), '\000', 1) = p_machine
$$;

create function private.check_notification_rule()
returns trigger
language plpgsql volatile set search_path = ''
as $$
declare
  v_table regclass := private.machine_table(new.machine);
  v_locale text;
  v_template public.notification_templates;
begin
  if not exists (
    select from private.transitions t
    where t.machine = new.machine and t.event = new.event and t.from_state = coalesce(new.from_state, t.from_state)
  ) then
    raise exception 'machine % has no move % from %', new.machine, new.event, coalesce(new.from_state, 'any state')
      using errcode = '23503', constraint = 'notification_rules_move_exists';
  end if;
  if to_regprocedure(format('private.addressees(%s)', v_table)) is null or to_regprocedure(format('private.notification_data(%s)', v_table)) is null then
    raise exception 'private.addressees(%) and private.notification_data(%) must exist', v_table, v_table
      using errcode = '23503', constraint = 'notification_rules_functions_exist';
  end if;
  for v_locale in select distinct locale from public.notification_templates order by locale loop
    select * into v_template from public.notification_templates
    where code = new.template and locale = v_locale order by version desc limit 1;
    if not found then
      raise exception 'text % does not exist in %', new.template, v_locale
        using errcode = '23503', constraint = 'notification_rules_text_exists';
    elsif 'email' = any (new.channels) and v_template.email_subject is null then
      raise exception 'text % has no mail in %', new.template, v_locale
        using errcode = '23514', constraint = 'notification_rules_mail_exists';
    elsif 'sms' = any (new.channels) and v_template.sms_body is null then
      raise exception 'text % has no SMS in %', new.template, v_locale
        using errcode = '23514', constraint = 'notification_rules_sms_exists';
    end if;
  end loop;
  return null;
end
$$;
create trigger check_rule after insert or update on private.notification_rules
  for each row execute function private.check_notification_rule();

-- Keeps transitions.has_rules, whichever of the two tables changed. Writers wait for each other: each would count
-- without the rules of the other.
create function private.mark_moves_with_rules()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  lock table private.notification_rules in share row exclusive mode;
  update private.transitions t
  set has_rules = not t.has_rules
  where t.has_rules <> exists (
    select from private.notification_rules r
    where r.machine = t.machine and r.event = t.event and coalesce(r.from_state, t.from_state) = t.from_state
  );
  return null;
end
$$;
create trigger mark_moves after insert or update or delete or truncate on private.notification_rules
  for each statement execute function private.mark_moves_with_rules();
create trigger mark_moves after insert or update of machine, from_state, event on private.transitions
  for each statement execute function private.mark_moves_with_rules();
