import { describe, expectTypeOf, it } from 'vitest';
import type { Database } from '../../sdk/src/generated/database.ts';
import type {
  AdminPayout,
  AdminRefund,
  AttemptForAttention,
  BankAccount,
  Booking,
  CalendarEntry,
  DriverLicence,
  Inspection,
  Media,
  Notification,
  Payment,
  PaymentAttempt,
  Payout,
  PayoutBatch,
  Profile,
  Quote,
  Receipt,
  Refund,
  UnmatchedMoney,
  Vehicle,
  VehicleImage,
} from '../../sdk/src/index.ts';

type Tables = Database['public']['Tables'];
/** A row that a database function answers. */
type Answer<F extends keyof Database['public']['Functions']> =
  Database['public']['Functions'][F]['Returns'] extends (infer Row)[] ? Row : never;
/** Columns of the table that the hand-written row leaves out. */
type Hidden<T extends keyof Tables, Own> = Exclude<keyof Tables[T]['Row'], keyof Own>;
/** Columns of the hand-written row that the table does not have. */
type Invented<T extends keyof Tables, Own> = Exclude<keyof Own, keyof Tables[T]['Row']>;

// Checked by the compiler (npm run check): a column added or dropped must be said here or in types.ts.
describe('the rows written by hand', () => {
  it('have the columns of their tables', () => {
    expectTypeOf<Invented<'profiles', Profile>>().toBeNever();
    expectTypeOf<Hidden<'profiles', Profile>>().toBeNever();
    expectTypeOf<Invented<'driver_licences', DriverLicence>>().toBeNever();
    expectTypeOf<Hidden<'driver_licences', DriverLicence>>().toEqualTypeOf<'number_hash'>();
    expectTypeOf<Invented<'media', Media>>().toBeNever();
    expectTypeOf<Hidden<'media', Media>>().toBeNever();
    expectTypeOf<Invented<'vehicles', Vehicle>>().toBeNever();
    expectTypeOf<Hidden<'vehicles', Vehicle>>().toEqualTypeOf<
      'public_location' | 'search_text' | 'is_listed'
    >();
    expectTypeOf<Invented<'vehicle_images', VehicleImage>>().toBeNever();
    expectTypeOf<Hidden<'vehicle_images', VehicleImage>>().toBeNever();
    expectTypeOf<Invented<'calendar_entries', CalendarEntry>>().toBeNever();
    expectTypeOf<Hidden<'calendar_entries', CalendarEntry>>().toBeNever();
    expectTypeOf<Invented<'quotes', Quote>>().toBeNever();
    expectTypeOf<Hidden<'quotes', Quote>>().toBeNever();
    expectTypeOf<Invented<'bookings', Booking>>().toBeNever();
    expectTypeOf<Hidden<'bookings', Booking>>().toBeNever();
    expectTypeOf<Invented<'booking_inspections', Inspection>>().toBeNever();
    expectTypeOf<Hidden<'booking_inspections', Inspection>>().toBeNever();
    expectTypeOf<Invented<'payments', Payment>>().toBeNever();
    expectTypeOf<Hidden<'payments', Payment>>().toBeNever();
    expectTypeOf<Invented<'payment_attempts', PaymentAttempt>>().toBeNever();
    expectTypeOf<Hidden<'payment_attempts', PaymentAttempt>>().toEqualTypeOf<
      'provider_data' | 'transaction_amount' | 'checked_at' | 'checks' | 'recheck_at'
    >();
    expectTypeOf<Invented<'refunds', Refund>>().toBeNever();
    expectTypeOf<Hidden<'refunds', Refund>>().toEqualTypeOf<
      'payer_id' | 'attempt_id' | 'unmatched_id' | 'bank_account_id' | 'reason' | 'ordered_at'
    >();
    expectTypeOf<keyof Answer<'my_refunds'>>().toEqualTypeOf<keyof Refund>();
    expectTypeOf<keyof Answer<'list_refunds'>>().toEqualTypeOf<keyof AdminRefund>();
    expectTypeOf<keyof Answer<'unmatched_money'>>().toEqualTypeOf<keyof UnmatchedMoney>();
    expectTypeOf<keyof Answer<'payment_attempts_needing_review'>>().toEqualTypeOf<
      keyof AttemptForAttention
    >();
    expectTypeOf<Invented<'bank_accounts', BankAccount>>().toBeNever();
    expectTypeOf<Hidden<'bank_accounts', BankAccount>>().toBeNever();
    expectTypeOf<Invented<'payouts', Payout>>().toBeNever();
    expectTypeOf<Hidden<'payouts', Payout>>().toEqualTypeOf<'sending'>();
    expectTypeOf<Invented<'payout_batches', PayoutBatch>>().toBeNever();
    expectTypeOf<Hidden<'payout_batches', PayoutBatch>>().toBeNever();
    expectTypeOf<keyof Answer<'list_payouts'>>().toEqualTypeOf<keyof AdminPayout>();
    expectTypeOf<keyof Answer<'list_payout_batches'>>().toEqualTypeOf<keyof PayoutBatch>();
    expectTypeOf<Invented<'receipts', Receipt>>().toBeNever();
    expectTypeOf<Hidden<'receipts', Receipt>>().toBeNever();
    expectTypeOf<Invented<'notifications', Notification>>().toBeNever();
    expectTypeOf<Hidden<'notifications', Notification>>().toEqualTypeOf<
      'template_version' | 'locale' | 'dedupe_key' | 'deleted_at'
    >();
  });
});
