/** What an app reads from a table, as the Data API asks for it. Words after a colon are columns of `bench.readers`. */
export interface Select {
  name: string;
  /** Who asks, and so whose rows come. */
  by: 'renter' | 'host';
  text: string;
}

const select = (name: string, by: Select['by'], text: string): Select => ({ name, by, text });

/**
 * The reads of tables that apps make most. The other reads are commands, which check their caller themselves and read
 * without policies.
 */
export const selects: Select[] = [
  select('profile', 'renter', 'select * from public.profiles where id = :renter'),
  select(
    'licences',
    'renter',
    `select id, user_id, number_last4, full_name, classes, valid_until, status, created_at
     from public.driver_licences where user_id = :renter`,
  ),
  select(
    'vehicle page',
    'renter',
    `select v.*,
       (select json_agg(p) from (
         select i.position, m.bucket, m.path from public.vehicle_images i join public.media m on m.id = i.media_id
         where i.vehicle_id = v.id order by i.position) p) as images,
       (select json_agg(f.feature) from public.vehicle_features f where f.vehicle_id = v.id) as features
     from public.vehicles v where v.id = :vehicle`,
  ),
  select('picture', 'renter', 'select id, bucket, path from public.media where id = :media'),
  select(
    'bookings',
    'renter',
    'select * from public.bookings where renter_id = :renter order by created_at desc, id desc limit 20',
  ),
  select('booking', 'renter', 'select * from public.bookings where id = :booking'),
  select(
    'hand-over',
    'renter',
    `select i.*, (select json_agg(p) from public.inspection_photos p where p.inspection_id = i.id) as photos
     from public.booking_inspections i where i.booking_id = :booking`,
  ),
  select(
    'payments',
    'renter',
    'select * from public.payments where payer_id = :renter order by created_at desc, id desc limit 20',
  ),
  select(
    'payment of a booking',
    'renter',
    `select p.id, p.status, p.amount,
       (select json_agg(json_build_object('id', a.id, 'status', a.status)) from public.payment_attempts a
        where a.payment_id = p.id) as attempts
     from public.payments p where p.payable_id = :booking`,
  ),
  select(
    'receipts',
    'renter',
    'select * from public.receipts where user_id = :renter order by issued_at desc, id desc limit 20',
  ),
  select(
    'notifications',
    'renter',
    'select * from public.notifications where user_id = :renter and deleted_at is null order by seq desc limit 20',
  ),
  select(
    'unread',
    'renter',
    `select count(*) as n from public.notifications
     where user_id = :renter and read_at is null and deleted_at is null`,
  ),
  select(
    'own vehicles',
    'host',
    'select * from public.vehicles where host_id = :host order by created_at desc, id desc limit 20',
  ),
  select(
    'calendar',
    'host',
    `select * from public.calendar_entries
     where vehicle_id = :vehicle and blocked && tstzrange(now() - interval '60 days', now() + interval '60 days')
     order by lower(blocked)`,
  ),
];
