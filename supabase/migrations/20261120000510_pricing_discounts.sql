-- Pricing: the code in a quote.
-- Rule kept here: a quote names the code whose use a booking takes.
-- Left out on purpose: taking it, which create_booking does.

alter table public.quotes
  add constraint quotes_discount foreign key (discount_id) references public.discounts on delete restrict;
create index quotes_discount_idx on public.quotes (discount_id) where discount_id is not null;
