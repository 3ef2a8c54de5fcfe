-- Foundation: the time zones that can be stored.
-- Rule kept here: a stored zone is a name of the IANA database that every client computes with; the older names that
-- browsers still send are stored by their present name, so that no system needs the older ones.
-- Left out on purpose: what PostgreSQL accepts besides (POSIX formulas, offsets, its own folders).

create table private.time_zones (
  name text primary key,
  -- the name that is stored instead
  canonical text not null,
  constraint time_zones_canonical_known foreign key (canonical) references private.time_zones (name)
);
comment on table private.time_zones is 'Names of time zones that a client may send, and the name each is stored by. Add a row when the IANA database adds a zone.';
alter table private.time_zones enable row level security;

with renamed (name, canonical) as (
  values
    ('Africa/Asmera', 'Africa/Asmara'), ('America/Buenos_Aires', 'America/Argentina/Buenos_Aires'),
    ('America/Catamarca', 'America/Argentina/Catamarca'), ('America/Cordoba', 'America/Argentina/Cordoba'),
    ('America/Jujuy', 'America/Argentina/Jujuy'), ('America/Mendoza', 'America/Argentina/Mendoza'),
    ('America/Coral_Harbour', 'America/Atikokan'), ('America/Godthab', 'America/Nuuk'),
    ('America/Indianapolis', 'America/Indiana/Indianapolis'), ('America/Louisville', 'America/Kentucky/Louisville'),
    ('Asia/Calcutta', 'Asia/Kolkata'), ('Asia/Katmandu', 'Asia/Kathmandu'), ('Asia/Rangoon', 'Asia/Yangon'),
    ('Asia/Saigon', 'Asia/Ho_Chi_Minh'), ('Atlantic/Faeroe', 'Atlantic/Faroe'), ('Europe/Kiev', 'Europe/Kyiv'),
    ('Pacific/Enderbury', 'Pacific/Kanton'), ('Pacific/Ponape', 'Pacific/Pohnpei'), ('Pacific/Truk', 'Pacific/Chuuk'),
    ('Etc/UTC', 'UTC'), ('Etc/GMT', 'UTC'), ('GMT', 'UTC'), ('Etc/UCT', 'UTC'), ('Etc/Zulu', 'UTC')
),
-- a system whose database of zones is older knows a renamed zone by its older name only
known as (
  select name from pg_catalog.pg_timezone_names
  where name ~ '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z0-9_+/-]+$' or name = 'UTC'
)
insert into private.time_zones (name, canonical)
select r.name, r.canonical from renamed r where r.canonical in (select name from known)
union all
select k.name, k.name from known k
where k.name not in (select r.name from renamed r where r.canonical in (select name from known));

-- Stores a zone by its present name; refuses one that is not known.
create function private.set_canonical_time_zone()
returns trigger
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_canonical text := (select z.canonical from private.time_zones z where z.name = new.time_zone);
begin
  if v_canonical is null then
    perform private.fail_input('time_zone', 'must be a name of the IANA time zone database, like Asia/Ho_Chi_Minh');
  end if;
  new.time_zone := v_canonical;
  return new;
end
$$;
