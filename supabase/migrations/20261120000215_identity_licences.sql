-- Identity: which licence opens what, as the law of Vietnam has it.
-- Rule kept here: the law is two tables, whose rows name their article; private.licence_problem() reads them, and nothing
-- else decides who may drive. A letter alone decides nothing: A1 and B1 are in both schemes with another meaning, so the
-- date of issue gives the scheme.
-- Left out on purpose: trucks, tractors, trailers and three-wheelers, which nobody lists here. Their classes are known,
-- so that a card can be entered as it is printed, and they open what the law says they open besides.

create table private.licence_classes (
  scheme text not null,
  class text not null,
  min_age int not null,
  has_end boolean not null,
  may_be_automatic_only boolean not null default false,
  age_source text not null,
  end_source text not null,
  primary key (scheme, class),
  constraint licence_classes_scheme_known check (scheme in ('before_2025', 'from_2025')),
  constraint licence_classes_form check (class ~ '^[A-F][A-E0-9]{0,2}$'),
  constraint licence_classes_min_age_range check (min_age between 16 and 30)
);
comment on table private.licence_classes is 'The classes of Vietnamese driver licences. before_2025: Law 23/2008/QH12; from_2025: Law 36/2024/QH15.';
comment on column private.licence_classes.min_age is 'Years. Whoever is younger on the first day of a trip may not drive by this class.';
comment on column private.licence_classes.has_end is 'Whether a licence of this class names its last day.';
comment on column private.licence_classes.may_be_automatic_only is 'Whether this class also exists restricted to vehicles with an automatic transmission.';
comment on column private.licence_classes.age_source is 'Where the law states min_age.';
comment on column private.licence_classes.end_source is 'Where the law states has_end.';

insert into private.licence_classes (scheme, class, min_age, has_end, may_be_automatic_only, age_source, end_source)
select 'before_2025', class, min_age, has_end, class = 'B1',
  'Luật 23/2008/QH12, Điều 60 khoản 1 điểm ' || age_point, 'Thông tư 12/2017/TT-BGTVT, Điều 17'
from (values
  ('A1', 18, false, 'b'), ('A2', 18, false, 'b'), ('A3', 18, false, 'b'), ('A4', 18, true, 'b'),
  ('B1', 18, true, 'b'), ('B2', 18, true, 'b'), ('C', 21, true, 'c'), ('D', 24, true, 'd'), ('E', 27, true, 'đ'),
  ('FB2', 21, true, 'c'), ('FC', 24, true, 'd'), ('FD', 27, true, 'đ'), ('FE', 27, true, 'đ')
) c (class, min_age, has_end, age_point);
insert into private.licence_classes (scheme, class, min_age, has_end, may_be_automatic_only, age_source, end_source)
select 'from_2025', class, min_age, has_end, class = 'B',
  'Luật 36/2024/QH15, Điều 59 khoản 1 điểm ' || age_point, 'Luật 36/2024/QH15, Điều 57 khoản 5'
from (values
  ('A1', 18, false, 'b'), ('A', 18, false, 'b'), ('B1', 18, false, 'b'), ('B', 18, true, 'b'), ('C1', 18, true, 'b'),
  ('C', 21, true, 'c'), ('D1', 24, true, 'd'), ('D2', 24, true, 'd'), ('D', 27, true, 'đ'), ('BE', 21, true, 'c'),
  ('C1E', 24, true, 'd'), ('CE', 24, true, 'd'), ('D1E', 27, true, 'đ'), ('D2E', 27, true, 'đ'), ('DE', 27, true, 'đ')
) c (class, min_age, has_end, age_point);

create table private.licence_rules (
  scheme text,
  class text,
  kind text not null,
  engine_cc int4range not null default '(,)',
  power_kw numrange not null default '(,)',
  top_speed_kmh int4range not null default '(,)',
  passenger_seats int4range not null default '(,)',
  gross_mass_kg int4range not null default '(,)',
  min_age int,
  source text not null,
  constraint licence_rules_once unique nulls not distinct (scheme, class, kind),
  constraint licence_rules_class_known foreign key (scheme, class) references private.licence_classes,
  constraint licence_rules_class_or_none check (num_nulls(scheme, class) in (0, 2)),
  constraint licence_rules_age_once check ((class is null) = (min_age is not null)),
  constraint licence_rules_kind_known check (kind in ('car', 'motorbike'))
);
comment on table private.licence_rules is 'What a class opens. One row without a class says what needs no licence. A vehicle is opened when each of its measures lies in the range of the row; (,) is no limit. A measure that a vehicle has not (the capacity of an electric one, the mass of a car that is not registered for goods) limits nothing.';
comment on column private.licence_rules.engine_cc is 'Cubic centimetres.';
comment on column private.licence_rules.power_kw is 'Greatest power of the electric motor, kilowatts.';
comment on column private.licence_rules.top_speed_kmh is 'Design speed, km/h. A vehicle whose speed is not known is not in a range that ends.';
comment on column private.licence_rules.passenger_seats is 'Seats without the one of the driver, as the law of 2024 counts them.';
comment on column private.licence_rules.gross_mass_kg is 'Design gross mass, kg, of vehicles registered for goods.';
comment on column private.licence_rules.min_age is 'Only where no licence is needed; otherwise the class says it.';
comment on column private.licence_rules.source is 'Law, article, clause and point.';

insert into private.licence_rules (kind, engine_cc, power_kw, top_speed_kmh, min_age, source) values
  ('motorbike', '(,50)', '(,4]', '(,50]', 16, 'Luật 36/2024/QH15, Điều 34 khoản 1 (xe gắn máy), Điều 59 khoản 1 điểm a');
insert into private.licence_rules (scheme, class, kind, engine_cc, power_kw, source)
select scheme, class, 'motorbike', engine_cc::int4range, power_kw::numrange, 'Luật 36/2024/QH15, ' || source
from (values
  ('before_2025', 'A1', '(,175)', '(,14)', 'Điều 89 khoản 2 điểm a'),
  ('before_2025', 'A2', '(,)', '(,)', 'Điều 89 khoản 2 điểm b'),
  ('before_2025', 'A3', '(,175)', '(,14)', 'Điều 89 khoản 2 điểm c'),
  ('from_2025', 'A1', '(,125]', '(,11]', 'Điều 57 khoản 1 điểm a'),
  ('from_2025', 'A', '(,)', '(,)', 'Điều 57 khoản 1 điểm b'),
  ('from_2025', 'B1', '(,125]', '(,11]', 'Điều 57 khoản 1 điểm c')
) r (scheme, class, engine_cc, power_kw, source);
insert into private.licence_rules (scheme, class, kind, passenger_seats, gross_mass_kg, source)
select scheme, class, 'car', passenger_seats::int4range, gross_mass_kg::int4range, 'Luật 36/2024/QH15, ' || source
from (values
  ('before_2025', 'B1', '(,8]', '(,3500]', 'Điều 89 khoản 2 điểm đ và e'),
  ('before_2025', 'B2', '(,8]', '(,3500]', 'Điều 89 khoản 2 điểm e'),
  ('before_2025', 'C', '(,8]', '(,)', 'Điều 89 khoản 2 điểm g'),
  ('before_2025', 'D', '(,29]', '(,)', 'Điều 89 khoản 2 điểm h'),
  ('before_2025', 'E', '(,)', '(,)', 'Điều 89 khoản 2 điểm i'),
  ('before_2025', 'FB2', '(,8]', '(,3500]', 'Điều 89 khoản 2 điểm k'),
  ('before_2025', 'FC', '(,8]', '(,)', 'Điều 89 khoản 2 điểm l'),
  ('before_2025', 'FD', '(,29]', '(,)', 'Điều 89 khoản 2 điểm m'),
  ('before_2025', 'FE', '(,)', '(,)', 'Điều 89 khoản 2 điểm n'),
  ('from_2025', 'B', '(,8]', '(,3500]', 'Điều 57 khoản 1 điểm d'),
  ('from_2025', 'C1', '(,8]', '(,7500]', 'Điều 57 khoản 1 điểm đ'),
  ('from_2025', 'C', '(,8]', '(,)', 'Điều 57 khoản 1 điểm e'),
  ('from_2025', 'D1', '(,16]', '(,)', 'Điều 57 khoản 1 điểm g'),
  ('from_2025', 'D2', '(,29]', '(,)', 'Điều 57 khoản 1 điểm h'),
  ('from_2025', 'D', '(,)', '(,)', 'Điều 57 khoản 1 điểm i'),
  ('from_2025', 'BE', '(,8]', '(,3500]', 'Điều 57 khoản 1 điểm k'),
  ('from_2025', 'C1E', '(,8]', '(,7500]', 'Điều 57 khoản 1 điểm l'),
  ('from_2025', 'CE', '(,8]', '(,)', 'Điều 57 khoản 1 điểm m'),
  ('from_2025', 'D1E', '(,16]', '(,)', 'Điều 57 khoản 1 điểm n'),
  ('from_2025', 'D2E', '(,29]', '(,)', 'Điều 57 khoản 1 điểm o'),
  ('from_2025', 'DE', '(,)', '(,)', 'Điều 57 khoản 1 điểm p')
) r (scheme, class, passenger_seats, gross_mass_kg, source);

select private.hold_no_persons('private.licence_classes', 'private.licence_rules');
alter table private.licence_classes enable row level security;
alter table private.licence_rules enable row level security;

-- What decides which licence is needed, of one vehicle.
create type private.drive_traits as (
  kind text, engine_cc int, power_kw numeric, top_speed_kmh int, passenger_seats int, gross_mass_kg int, is_automatic boolean
);

create function private.rule_opens(p_rule private.licence_rules, p_traits private.drive_traits)
returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  return p_rule.kind = p_traits.kind
    and coalesce(p_rule.engine_cc @> p_traits.engine_cc, true)
    and coalesce(p_rule.power_kw @> p_traits.power_kw, true)
    and coalesce(p_rule.top_speed_kmh @> p_traits.top_speed_kmh, upper_inf(p_rule.top_speed_kmh))
    and p_rule.passenger_seats @> p_traits.passenger_seats
    and coalesce(p_rule.gross_mass_kg @> p_traits.gross_mass_kg, true);
end
$$;

create function private.is_old_enough(p_date_of_birth date, p_years int, p_on date)
returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  return p_on >= p_date_of_birth + make_interval(years => p_years);
end
$$;

-- Days of licences are days of Vietnam.
create function private.licence_day(p_at timestamptz default now())
returns date
language plpgsql stable set search_path = ''
as $$
begin
  return (p_at at time zone 'Asia/Ho_Chi_Minh')::date;
end
$$;

-- Null when the person may drive such a vehicle for the whole period, or the error code that says why not. Of several
-- reasons it names the one that is the least to mend. Who needs no licence still proves the age by one.
create function private.licence_problem(p_user_id uuid, p_traits private.drive_traits, p_starts_at timestamptz, p_ends_at timestamptz)
returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_first_day date := private.licence_day(p_starts_at);
  v_last_day date := private.licence_day(p_ends_at);
  v_hire_age int := private.setting('hire_min_age')::int;
  v_problem text;
  v_found record;
begin
  -- from the licences to their rules, which are one or two: every booking asks this
  for v_found in
    select r as rule, c.min_age, l.date_of_birth, case when c.has_end then l.valid_until else 'infinity' end as ends_on
    from public.driver_licences l
    join private.licence_rules r on r.scheme = l.scheme and r.class = any (l.classes) and r.kind = p_traits.kind
    join private.licence_classes c on c.scheme = r.scheme and c.class = r.class
    where l.user_id = p_user_id and l.status = 'verified'
      and (p_traits.is_automatic or not (l.automatic_only and c.may_be_automatic_only))
  loop
    -- not in the query, which would ask it of every rule of the kind
    continue when not private.rule_opens(v_found.rule, p_traits);
    if not private.is_old_enough(v_found.date_of_birth, greatest(v_found.min_age, v_hire_age), v_first_day) then
      v_problem := coalesce(v_problem, 'licence_holder_too_young');
    elsif v_found.ends_on < v_last_day then
      v_problem := 'licence_expires_early';
    else
      return null;
    end if;
  end loop;
  for v_found in
    select r.min_age, l.date_of_birth
    from private.licence_rules r
    join public.driver_licences l on l.user_id = p_user_id and l.status in ('verified', 'expired')
    where r.class is null and private.rule_opens(r, p_traits)
  loop
    if private.is_old_enough(v_found.date_of_birth, greatest(v_found.min_age, v_hire_age), v_first_day) then
      return null;
    end if;
    v_problem := coalesce(v_problem, 'licence_holder_too_young');
  end loop;
  return coalesce(v_problem, case
    when exists (select from public.driver_licences l where l.user_id = p_user_id and l.status = 'verified') then 'licence_class_mismatch'
    else 'licence_required' end);
end
$$;

-- What a card says must fit together, whoever writes it: the command, a reviewer, or an admin in a table editor.
create function private.check_licence()
returns trigger
language plpgsql stable set search_path = ''
as $$
declare
  v_known text[];
  v_has_end boolean;
  v_may_be_automatic_only boolean;
begin
  -- what is missing is refused by its column
  if new.issued_on is null or new.classes is null then
    return new;
  end if;
  select array_agg(c.class), bool_or(c.has_end), bool_or(c.may_be_automatic_only)
  into v_known, v_has_end, v_may_be_automatic_only
  from private.licence_classes c
  where c.scheme = private.licence_scheme(new.issued_on) and c.class = any (new.classes);
  if new.issued_on > private.licence_day() then
    perform private.fail_input('issued_on', 'must not be in the future');
  elsif coalesce(cardinality(v_known), 0) <> cardinality(new.classes) then
    perform private.fail_input('classes', 'must be different classes that licences issued on that day have');
  elsif v_has_end <> (new.valid_until is not null) then
    perform private.fail_input('valid_until', case when v_has_end then 'must be given: a class on the licence has an end'
      else 'must be null: no class on the licence has an end' end);
  elsif new.automatic_only and not v_may_be_automatic_only then
    perform private.fail_input('automatic_only', 'must be false: no class on the licence is issued for automatic vehicles only');
  end if;
  return new;
end
$$;
create trigger check_licence before insert or update of classes, issued_on, valid_until, automatic_only on public.driver_licences
  for each row execute function private.check_licence();

-- What was entered of a card, tidied, for one that is valid today. The trigger looks at how its parts fit.
create function private.read_card(p_licence public.driver_licences)
returns public.driver_licences
language plpgsql stable set search_path = ''
as $$
declare
  v_licence public.driver_licences := p_licence;
begin
  v_licence.full_name := private.tidy_text(v_licence.full_name);
  if coalesce(char_length(v_licence.full_name), 0) not between 2 and 120 then
    perform private.fail_input('full_name', 'must have 2 to 120 characters');
  end if;
  if v_licence.issued_on is null or not v_licence.issued_on between '1930-01-01' and private.licence_day() then
    perform private.fail_input('issued_on', 'must be the day of issue on the licence');
  end if;
  if v_licence.date_of_birth is null or not v_licence.date_of_birth between '1900-01-01' and v_licence.issued_on
     or v_licence.issued_on < v_licence.date_of_birth + interval '16 years' then
    perform private.fail_input('date_of_birth', 'must be at least 16 years before the day of issue');
  end if;
  v_licence.classes := array(select distinct upper(btrim(c)) from unnest(v_licence.classes) c order by 1);
  if cardinality(v_licence.classes) not between 1 and 8 then
    perform private.fail_input('classes', 'must be 1 to 8 licence classes');
  end if;
  if v_licence.valid_until < private.licence_day() or v_licence.valid_until >= v_licence.issued_on + interval '60 years' then
    perform private.fail_input('valid_until', 'must be a future date, and less than 60 years after the day of issue');
  end if;
  return v_licence;
end
$$;

-- The classes on a licence that have an end, in its order.
create function private.ending_classes(p_licence public.driver_licences)
returns text[]
language sql stable set search_path = ''
as $$
  select coalesce(array_agg(c.class order by array_position(p_licence.classes, c.class)), '{}')
  from private.licence_classes c
  where c.scheme = p_licence.scheme and c.class = any (p_licence.classes) and c.has_end
$$;

create function private.licence_classes()
returns table (scheme text, class text, min_age int, has_end boolean, may_be_automatic_only boolean)
language sql stable security definer set search_path = ''
as $$
  select c.scheme, c.class, c.min_age, c.has_end, c.may_be_automatic_only
  from private.licence_classes c
  order by c.scheme desc, c.class
$$;
create function public.licence_classes()
returns table (scheme text, class text, min_age int, has_end boolean, may_be_automatic_only boolean)
language sql stable set search_path = ''
as $$ select * from private.licence_classes() $$;
comment on function public.licence_classes is 'Lists the classes of driver licences. `scheme` is before_2025 for a card issued until 2024-12-31 and from_2025 for a newer one. `min_age` is in years. `has_end` says whether a licence of this class has a last day. `may_be_automatic_only` says whether it exists restricted to automatic vehicles.';
select private.expose('licence_classes()', 'anon', 'authenticated');

alter table private.settings
  add constraint settings_hire_min_age check (key <> 'hire_min_age' or private.is_whole(value, 16, 99));
insert into private.settings (key, value, description) values
  ('hire_min_age', '18', 'Years: how old a person must be on the first day of a trip. The law may ask for more, by class.');
