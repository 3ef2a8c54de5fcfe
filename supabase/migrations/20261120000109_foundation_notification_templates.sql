-- Foundation: the texts of notifications, a registry like that of errors.
-- Rule kept here: a text is never changed, since a mail is rendered when it is sent; a change of wording is a new version.
-- Left out on purpose: the texts, which each module registers, and sending them, which is the module notifications.

create table public.notification_templates (
  code text not null,
  locale text not null,
  version int not null default 1,
  category text not null,
  title text not null,
  body text not null,
  email_subject text,
  email_body text,
  push boolean not null default true,
  sms_body text,
  primary key (code, locale, version),
  constraint notification_templates_locale_known check (locale in ('vi', 'en')),
  constraint notification_templates_category_form check (category ~ '^[a-z][a-z_]{2,30}$'),
  constraint notification_templates_email_complete check ((email_subject is null) = (email_body is null)),
  constraint notification_templates_sms_short check (char_length(sms_body) between 1 and 300)
);
comment on table public.notification_templates is 'Texts of notifications with {{variables}}, one row per code, language and version. The highest version is used. A variable without a value is an error.';
comment on column public.notification_templates.title is 'Text with {{variables}}, which are keys of notifications.data.';
comment on column public.notification_templates.email_subject is 'Null when no mail is sent.';
comment on column public.notification_templates.push is 'Whether title and body go to the devices of the person as well.';
comment on column public.notification_templates.sms_body is 'Text of the SMS, at most 300 characters with its {{variables}}. Null when none is sent; a rule must ask for it as well.';
-- a mail is rendered when it is sent, from the version that the notification was written with
create trigger append_only before update or delete or truncate on public.notification_templates
  for each statement execute function private.forbid_change();

alter table public.notification_templates enable row level security;
revoke all on public.notification_templates from anon, authenticated, service_role;
grant select on public.notification_templates to service_role;
