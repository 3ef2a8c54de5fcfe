select public.apply_payment_event(:event, 'W' || (:quote)::text, 'succeeded', 1630000, 'VND', 'T' || (:quote)::text, null);
commit;
