-- Foundation: what may be uploaded, a registry that modules add to.
-- Rule kept here: a purpose has one bucket, which is private and takes the sizes and kinds that the purpose takes.
-- Left out on purpose: tickets and files, which are of media.

create table private.media_purposes (
  purpose text primary key,
  bucket text not null,
  max_bytes bigint not null,
  mime_types text[] not null,
  per_day int not null,
  max_megapixels int not null default 50,
  is_evidence boolean not null default false,
  makes_pictures boolean not null default true,
  hidden_from_staff boolean not null default false,
  constraint media_purposes_caps_positive check (max_bytes > 0 and per_day > 0 and max_megapixels between 1 and 200),
  -- pictures that are shown are made of it, and are kept in the same bucket
  constraint media_purposes_takes_what_is_made check (not makes_pictures or mime_types @> '{image/jpeg,image/webp}')
);
comment on table private.media_purposes is 'What may be uploaded, how large and how often.';
comment on column private.media_purposes.per_day is 'Uploads of one person within 24 hours.';
comment on column private.media_purposes.max_megapixels is 'Width times height of a picture, in millions. A small file can hold a picture that fills the memory of who opens it.';
comment on column private.media_purposes.is_evidence is 'Kept when its owner deletes the account, because another person may need it as evidence; and when and where it was taken is kept privately. It is removed from what is shown in any case.';
comment on column private.media_purposes.makes_pictures is 'Whether pictures are made of it, which are shown in its place. Otherwise it is checked and served as it was uploaded: films and documents.';
comment on column private.media_purposes.hidden_from_staff is 'Support and admins read it only where anybody in their place would: what people send each other.';
alter table private.media_purposes enable row level security;

create function private.keep_bucket()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
  values (new.bucket, new.bucket, false, new.max_bytes, new.mime_types)
  on conflict (id) do update
  set public = excluded.public, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;
  return null;
end
$$;
create trigger has_its_bucket after insert or update on private.media_purposes
  for each row execute function private.keep_bucket();
