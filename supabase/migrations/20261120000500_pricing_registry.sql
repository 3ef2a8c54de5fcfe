-- Pricing: its errors, limits and settings, in the registries of foundation.
-- Rule kept here: what pricing adds to a shared registry is in files of its own name.
-- Left out on purpose: what a quote refuses of a vehicle or a driver, which their modules register.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('quote_not_found', 404, false, 'We could not find this quote. Ask for a new one.', 'Không tìm thấy báo giá này. Vui lòng lấy báo giá mới.'),
  ('quote_expired', 409, false, 'The quote has expired. Ask for a new one.', 'Báo giá đã hết hạn. Vui lòng lấy báo giá mới.'),
  ('quote_used', 409, false, 'This quote already has a booking. Open the booking, or ask for a new quote.', 'Báo giá này đã được dùng để đặt xe. Vui lòng mở đơn đã đặt hoặc lấy báo giá mới.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('quote', 60, 60);

-- Every policy has tiers, and every tier a time and a share.
create function private.are_policies(p_value jsonb)
returns boolean
language sql immutable set search_path = ''
as $$
  select coalesce(bool_and(
    private.is_whole(t.tier -> 'hours_before', 0, 8760) and private.is_whole(t.tier -> 'refund_bps', 0, 10000)
  ), false)
  from jsonb_each(case when jsonb_typeof(p_value) = 'object' then p_value else '{}' end) p
  left join lateral jsonb_array_elements(case when jsonb_typeof(p.value) = 'array' then p.value else '[]' end) t (tier) on true
$$;

alter table private.settings
  add constraint settings_quote_minutes check (key <> 'quote_minutes' or private.is_whole(value, 1, 1440)),
  add constraint settings_rates check (key <> 'rates' or (
    private.is_whole(value -> 'commission_bps', 0, 10000) and private.is_whole(value -> 'service_fee_bps', 0, 10000)
    and private.is_whole(value -> 'vat_bps', 0, 10000) and private.is_whole(value #> '{insurance,basic}', 0, 10000)
    and private.is_whole(value #> '{insurance,premium}', 0, 10000)
  )),
  add constraint settings_cancellation_policies check (key <> 'cancellation_policies' or (private.are_policies(value) and value ?& '{flexible,moderate,strict}'));
insert into private.settings (key, value, description) values
  ('quote_minutes', '10', 'Minutes: how long a quote can be booked.'),
  ('rates', '{"commission_bps": 1500, "service_fee_bps": 500, "vat_bps": 800, "insurance": {"basic": 500, "premium": 1000}}',
    'Shares in basis points (1/100 of a percent): commission and service fee of the rental, VAT of everything but the deposit, insurance of the rental. These are demo numbers, not tax advice.'),
  ('cancellation_policies', '{
      "flexible": [{"hours_before": 24, "refund_bps": 10000}, {"hours_before": 0, "refund_bps": 5000}],
      "moderate": [{"hours_before": 72, "refund_bps": 10000}, {"hours_before": 24, "refund_bps": 5000}],
      "strict": [{"hours_before": 168, "refund_bps": 10000}, {"hours_before": 72, "refund_bps": 5000}]
    }', 'Tiers: cancelling at least hours_before the start returns refund_bps of everything but the deposit, which always returns in full.');
insert into private.receipt_labels (code, locale, label) values
  ('rental_days', 'en', 'Rental, days'), ('rental_days', 'vi', 'Tiền thuê theo ngày'),
  ('rental_hours', 'en', 'Rental, hours'), ('rental_hours', 'vi', 'Tiền thuê theo giờ'),
  ('weekend_surcharge', 'en', 'Weekend surcharge'), ('weekend_surcharge', 'vi', 'Phụ thu cuối tuần'),
  ('weekday_prices', 'en', 'Prices of days of the week'), ('weekday_prices', 'vi', 'Giá theo thứ trong tuần'),
  ('day_prices', 'en', 'Prices of special days'), ('day_prices', 'vi', 'Giá ngày đặc biệt'),
  ('long_stay_discount', 'en', 'Long-stay discount'), ('long_stay_discount', 'vi', 'Giảm giá thuê dài ngày'),
  ('delivery', 'en', 'Delivery'), ('delivery', 'vi', 'Giao xe tận nơi'),
  ('insurance', 'en', 'Insurance'), ('insurance', 'vi', 'Bảo hiểm'),
  ('service_fee', 'en', 'Service fee'), ('service_fee', 'vi', 'Phí dịch vụ'),
  ('vat', 'en', 'VAT'), ('vat', 'vi', 'Thuế GTGT'),
  ('security_deposit', 'en', 'Deposit, returned after the trip'), ('security_deposit', 'vi', 'Tiền cọc, hoàn lại sau chuyến đi');
