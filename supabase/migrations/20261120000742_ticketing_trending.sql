-- Ticketing: which events many people want at this time.
-- Rule kept here: a person counts once for an event, whatever it buys and however often; an interest is worth half after two
-- days. The order of a list is right when it is read, without a job.
-- How: the weights of an event add up to w · 2^(age in half-lives), and all of them fade alike, so the order of two events changes
-- only when somebody comes. The sum is kept as a moment: when one buyer alone would weigh as much. It may lie in the
-- future, it never has to be written anew, and an index sorts by it.
-- Left out on purpose: who looked at a page, which anybody could do a thousand times.

create table private.event_interests (
  event_id uuid not null references public.events on delete restrict,
  user_id uuid not null references public.profiles on delete cascade,
  reason text not null,
  at timestamptz not null default now(),
  weight int not null,
  counted int not null default 0,
  primary key (event_id, user_id, reason),
  constraint event_interests_reason_known check (reason in ('bought', 'waits', 'likes')),
  constraint event_interests_weight_range check (weight between 0 and 10 and counted between 0 and 10)
);
create index event_interests_uncounted_idx on private.event_interests (event_id) where weight <> counted;
create index event_interests_user_idx on private.event_interests (user_id);
comment on table private.event_interests is 'Who wants which event, once for each reason. Writing one touches no row that two people share; the next reader counts it.';
comment on column private.event_interests.weight is 'What it adds to the trend of the event. 0 once it was taken back.';
comment on column private.event_interests.counted is 'What of it is in private.event_trends.';

create table private.event_trends (
  event_id uuid primary key references public.events on delete restrict,
  sum_at timestamptz not null,
  trend_at timestamptz not null generated always as (date_bin('1 hour', sum_at, '2000-01-01 00:00+00')) stored
);
create index event_trends_order_idx on private.event_trends (trend_at desc, event_id desc);
comment on table private.event_trends is 'How much each event is wanted: what is counted of its interests.';
comment on column private.event_trends.sum_at is 'The moment at which one weight of 1 would be worth as much as all counted weights.';
comment on column private.event_trends.trend_at is 'The same to the hour, by which lists are sorted and shown: it does not tell how many bought.';
alter table private.event_interests enable row level security;
alter table private.event_trends enable row level security;
select private.hold_no_persons('private.event_trends');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.event_interests', 'r.user_id = $1', 'erase', '{event_id,reason,at}', 'What a person wanted is of use to nobody else; the sums name nobody.');

-- Seconds. DO NOT change it while there are trends: they are sums of weights that faded so.
create function private.trend_half_life()
returns float8
language sql immutable set search_path = ''
as $$ select 172800::float8 $$;

-- Two sums of weights, added: log-add-exp.
create function private.add_trends(p_one timestamptz, p_other timestamptz)
returns timestamptz
language sql stable set search_path = ''
as $$
  select greatest(p_one, p_other) + make_interval(secs => private.trend_half_life()
    * ln(1 + power(2::float8, greatest(-abs(extract(epoch from p_one - p_other)::float8) / private.trend_half_life(), -1000))) / ln(2::float8))
$$;

-- The sum of many weights. Null for none.
create function private.trend_of(p_at timestamptz[], p_weights int[])
returns timestamptz
language sql stable set search_path = ''
as $$
  select m.latest + make_interval(secs => private.trend_half_life() * ln(sum(w.weight
    * power(2::float8, greatest(-extract(epoch from m.latest - w.at)::float8 / private.trend_half_life(), -1000)))) / ln(2::float8))
  from unnest(p_at, p_weights) w (at, weight), (select max(a) as latest from unnest(p_at) a) m
  where w.weight > 0
  group by m.latest
$$;

-- Somebody wants an event, or no longer. Nobody makes their own event trend, nor does an account that nobody has verified,
-- unless it pays.
create function private.note_interest(p_event_id uuid, p_user_id uuid, p_reason text, p_is_there boolean, p_has_paid boolean default false)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if not p_is_there then
    update private.event_interests i set weight = 0
    where i.event_id = p_event_id and i.user_id = p_user_id and i.reason = p_reason and i.weight > 0;
    return;
  end if;
  insert into private.event_interests as i (event_id, user_id, reason, weight)
  select p_event_id, p_user_id, p_reason, case p_reason when 'bought' then 4 when 'waits' then 2 else 1 end
  where exists (
      select from public.profiles p where p.id = p_user_id and (p_has_paid or p.email_verified_at is not null or p.phone_verified_at is not null))
    and not exists (
      select from public.events e join public.organizer_members m on m.organizer_id = e.organizer_id where e.id = p_event_id and m.user_id = p_user_id)
  on conflict (event_id, user_id, reason) do update
  -- what is still counted keeps its time
  set weight = excluded.weight, at = case when i.counted = 0 then excluded.at else i.at end
  where i.weight = 0;
end
$$;

-- Counts what was not counted yet. One at a time; a read meanwhile takes what is there. A sum has no minus, so what was
-- taken back is summed up anew.
create function private.count_interests(p_limit int default 5000)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_count int;
  v_anew uuid[];
begin
  if not exists (select from private.event_interests i where i.weight <> i.counted)
     or not pg_try_advisory_xact_lock(hashtextextended('event interests', 0)) then
    return 0;
  end if;
  with found as (
    select i.event_id, i.user_id, i.reason, i.counted from private.event_interests i
    where i.weight <> i.counted
    limit p_limit
    for no key update skip locked
  ), taken as (
    update private.event_interests i set counted = i.weight
    from found f where i.event_id = f.event_id and i.user_id = f.user_id and i.reason = f.reason
    returning i.event_id, i.at, i.weight - f.counted as more
  ), sums as (
    select t.event_id, private.trend_of(array_agg(t.at), array_agg(t.more)) as sum_at, bool_or(t.more < 0) as is_less, count(*) as n from taken t group by t.event_id
  ), added as (
    insert into private.event_trends as t (event_id, sum_at)
    select s.event_id, s.sum_at from sums s where not s.is_less
    on conflict (event_id) do update set sum_at = private.add_trends(t.sum_at, excluded.sum_at)
  )
  select coalesce(sum(s.n), 0), array_agg(s.event_id) filter (where s.is_less) into v_count, v_anew from sums s;
  if v_anew is not null then
    delete from private.event_trends t where t.event_id = any (v_anew);
    insert into private.event_trends (event_id, sum_at)
    select i.event_id, private.trend_of(array_agg(i.at), array_agg(i.counted)) from private.event_interests i
    where i.event_id = any (v_anew) and i.counted > 0 group by i.event_id;
  end if;
  return v_count;
end
$$;

create function private.note_buyer()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if new.status = 'completed' then
    perform private.note_interest(new.event_id, new.buyer_id, 'bought', true, new.total_amount > 0);
  elsif not exists (select from public.orders o where o.event_id = new.event_id and o.buyer_id = new.buyer_id and o.status = 'completed') then
    perform private.note_interest(new.event_id, new.buyer_id, 'bought', false);
  end if;
  return null;
end
$$;
create trigger note_buyer_at_once after insert on public.orders
  for each row when (new.status = 'completed') execute function private.note_buyer();
create trigger note_buyer after update of status on public.orders
  for each row when (old.status <> new.status and (new.status = 'completed' or old.status = 'completed')) execute function private.note_buyer();

create function private.note_waiting()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.note_interest(new.event_id, new.user_id, 'waits', new.status <> 'left');
  return null;
end
$$;

-- A cleanup job: lists are right without it.
create function private.tidy_trends()
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int := private.count_interests(50000);
begin
  delete from private.event_trends t using public.events e where e.id = t.event_id and (e.status in ('ended', 'cancelled') or e.ends_at <= now());
  delete from private.event_interests i using public.events e where e.id = i.event_id and (e.status in ('ended', 'cancelled') or e.ends_at <= now());
  return v_count;
end
$$;
select private.schedule_job('journey_event_trends', 'Counts who wants which event when nobody reads, and forgets it when the event is over.', '*/10 * * * *', '2 hours', 'select private.tidy_trends()');

create function private.trending_events(p_city text, p_category text, p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_city text := private.squeeze_text(p_city);
  v_start private.page_start := private.read_page(p_after, 'trend_at', p_page_size);
begin
  if char_length(p_city) > 100 then
    perform private.fail_input('city', 'must have at most 100 characters');
  end if;
  perform private.count_interests();
  return query
    select private.event_hit(e, null) || jsonb_build_object('trend_at', t.trend_at)
    from private.event_trends t
    join public.events e on e.id = t.event_id
    join public.event_configs c on c.event_id = e.id and c.visibility = 'public'
    where e.status = 'published' and e.hidden_at is null and e.ends_at > now()
      and (p_category is null or e.category = p_category)
      and (v_city is null or private.squeeze_text(e.city) = v_city)
      and (v_start.id is null or (t.trend_at, t.event_id) < (v_start.at, v_start.id))
    order by t.trend_at desc, t.event_id desc
    limit p_page_size;
end
$$;
create function public.trending_events(city text default null, category text default null, after jsonb default null, page_size int default 20)
returns setof jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.spend_read_token('search_events');
  return query select private.trending_events($1, $2, $3, $4);
end
$$;
comment on function public.trending_events is 'Lists published public events that are not over and that people want at this time, most wanted first; of a city or a category. Each person counts once for buying, for waiting and for liking, half as much after two days. Rows are those of search_events with trend_at, the place in this order as a moment, which may be in the future. `after` takes {trend_at, id} of the last row. Reads only. Errors: invalid_input, rate_limited.';
select private.expose('trending_events(text, text, jsonb, int)', 'anon', 'authenticated');
