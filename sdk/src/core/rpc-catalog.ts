/**
 * How a call may be repeated. `read`: it changes nothing. `repeatable`: doing it twice is doing it once.
 * `keyed`: it carries an idempotency key, and the backend answers the first run's result. `once`: never
 * repeated without a person deciding so.
 */
export type CallKind = 'read' | 'repeatable' | 'keyed' | 'once';

interface RpcEntry {
  kind: CallKind;
  args: readonly string[];
}

const rpc = <const K extends CallKind, const A extends readonly string[]>(
  kind: K,
  ...args: A
): { kind: K; args: A } => ({
  kind,
  args,
});

/**
 * Every database function this package calls, with its argument names. A test compares it with
 * `pg_catalog`, so that a renamed argument fails there and not on a phone.
 */
export const rpcCatalog = {
  public_profile: rpc('read', 'id'),
  submit_licence: rpc(
    'once',
    'number',
    'full_name',
    'classes',
    'valid_until',
    'front_media_id',
    'back_media_id',
  ),
  request_upload: rpc('repeatable', 'purpose', 'mime_type', 'byte_size', 'sha256'),
  search_vehicles: rpc(
    'read',
    'lat',
    'lng',
    'radius_m',
    'starts_at',
    'ends_at',
    'kind',
    'min_seats',
    'brand',
    'transmission',
    'fuel',
    'min_price',
    'max_price',
    'features',
    'instant_only',
    'min_rating',
    'query',
    'sort',
    'after',
    'page_size',
  ),
  vehicle_detail: rpc('read', 'vehicle_id'),
  vehicle_calendar: rpc('read', 'vehicle_id', 'from_at', 'to_at'),
  explain_unavailable: rpc('read', 'vehicle_id', 'starts_at', 'ends_at'),
  create_vehicle: rpc('keyed', 'details', 'idempotency_key'),
  update_vehicle: rpc('repeatable', 'vehicle_id', 'details'),
  submit_vehicle: rpc('once', 'vehicle_id'),
  archive_vehicle: rpc('once', 'vehicle_id'),
  add_vehicle_image: rpc('once', 'vehicle_id', 'media_id', 'at_position'),
  remove_vehicle_image: rpc('repeatable', 'vehicle_id', 'media_id'),
  block_period: rpc('once', 'vehicle_id', 'starts_at', 'ends_at', 'kind'),
  unblock_period: rpc('once', 'entry_id'),
  create_booking: rpc('keyed', 'quote_id', 'idempotency_key'),
  answer_booking: rpc('keyed', 'booking_id', 'accept', 'reason', 'idempotency_key'),
  cancel_booking_preview: rpc('read', 'booking_id'),
  cancel_booking: rpc('keyed', 'booking_id', 'reason', 'idempotency_key'),
  check_in: rpc('keyed', 'booking_id', 'odometer_km', 'fuel_percent', 'photos', 'note', 'idempotency_key'),
  check_out: rpc('keyed', 'booking_id', 'odometer_km', 'fuel_percent', 'photos', 'note', 'idempotency_key'),
  acknowledge_inspection: rpc('repeatable', 'inspection_id'),
  release_deposit: rpc('keyed', 'booking_id', 'idempotency_key'),
  booking_detail: rpc('read', 'booking_id'),
  my_bookings: rpc('read', 'role', 'statuses', 'after', 'page_size'),
  my_balance: rpc('read'),
  payment_status: rpc('read', 'payment_id'),
  my_refunds: rpc('read', 'after', 'page_size'),
  list_notifications: rpc('read', 'before_seq', 'page_size'),
  notifications_since: rpc('read', 'after_seq'),
  unread_count: rpc('read'),
  mark_notification_read: rpc('repeatable', 'notification_id'),
  mark_all_notifications_read: rpc('repeatable'),
  delete_notification: rpc('repeatable', 'notification_id'),
  review_vehicle: rpc('once', 'vehicle_id', 'decision', 'reason'),
  review_licence: rpc('once', 'licence_id', 'decision', 'reason'),
  payment_methods: rpc('read'),
  set_bank_account: rpc('keyed', 'bank_bin', 'account_number', 'holder_name', 'idempotency_key'),
  remove_bank_account: rpc('once'),
  my_payouts: rpc('read', 'after', 'page_size'),
  payout_statement: rpc('read', 'payout_id'),
  my_receipts: rpc('read', 'after', 'page_size'),
  receipt: rpc('read', 'receipt_id'),
  propose_payouts: rpc('once'),
  approve_payout_batch: rpc('repeatable', 'batch_id'),
  hold_payout: rpc('once', 'payout_id', 'reason'),
  release_payout: rpc('once', 'payout_id'),
  retry_payout: rpc('once', 'payout_id'),
  cancel_payout: rpc('once', 'payout_id'),
  claim_manual_payout: rpc('repeatable', 'payout_id'),
  release_manual_payout: rpc('repeatable', 'payout_id'),
  record_manual_payout: rpc('once', 'payout_id', 'bank_reference'),
  hold_booking_money: rpc('once', 'booking_id', 'reason'),
  release_booking_money: rpc('once', 'booking_id', 'reason'),
  list_payout_batches: rpc('read', 'status', 'after', 'page_size'),
  list_payouts: rpc('read', 'batch_id', 'status', 'host_id', 'after', 'page_size'),
  list_refunds: rpc('read', 'status', 'needs', 'after', 'page_size'),
  payment_attempts_needing_review: rpc('read', 'after', 'page_size'),
  unmatched_money: rpc('read', 'status', 'after', 'page_size'),
  settle_unmatched_money: rpc('keyed', 'unmatched_id', 'action', 'payment_id', 'note', 'idempotency_key'),
  payment_events_needing_review: rpc('read'),
  acknowledge_payment_event: rpc('once', 'event_id', 'note'),
  refund_payment: rpc('keyed', 'payment_id', 'amount', 'reason', 'idempotency_key'),
  retry_refund: rpc('once', 'refund_id', 'method'),
  claim_manual_refund: rpc('repeatable', 'refund_id'),
  release_manual_refund: rpc('repeatable', 'refund_id'),
  record_manual_refund: rpc('once', 'refund_id', 'bank_reference'),
  settle_payout: rpc('once', 'payout_id', 'outcome', 'provider_payout_id', 'note'),
  settle_refund: rpc('once', 'refund_id', 'outcome', 'provider_refund_id', 'note'),
  reconcile_ledger: rpc('read'),
  check_invariants: rpc('read'),
} as const satisfies Record<string, RpcEntry>;

/** The name of a database function this package calls. */
export type RpcName = keyof typeof rpcCatalog;

/** The arguments of a database function; keys that are absent take the default of the database. */
export type RpcArgs<N extends RpcName> = Partial<Record<(typeof rpcCatalog)[N]['args'][number], unknown>>;
