/**
 * The registry of errors as the functions need it: a copy of `private.error_codes`, kept equal by a test.
 * A function raises these by name; commands of the database raise them through PostgREST.
 */
export const errorCodes = {
  unauthenticated: { status: 401, retryable: false, message: 'Sign in first.' },
  forbidden: { status: 403, retryable: false, message: 'You may not do this.' },
  not_found: { status: 404, retryable: false, message: 'There is no such thing, or it is not yours to see.' },
  invalid_input: {
    status: 400,
    retryable: false,
    message: 'A value is missing, malformed or out of range; see details.',
  },
  unknown_field: {
    status: 400,
    retryable: false,
    message: 'The request carries a field that does not exist; see details.',
  },
  payload_too_large: { status: 413, retryable: false, message: 'The request is too large.' },
  method_not_allowed: { status: 405, retryable: false, message: 'This address does not take that method.' },
  rate_limited: {
    status: 429,
    retryable: true,
    message: 'Too many requests; wait details.retry_after seconds.',
  },
  idempotency_conflict: {
    status: 409,
    retryable: false,
    message: 'This idempotency key was used for a different request.',
  },
  illegal_transition: { status: 409, retryable: false, message: 'The state it is in does not allow this.' },
  internal: { status: 500, retryable: true, message: 'Something went wrong on our side.' },
  provider_unavailable: { status: 502, retryable: true, message: 'A service we depend on did not answer.' },
  provider_not_configured: { status: 503, retryable: false, message: 'This payment method is not set up.' },
  period_invalid: { status: 400, retryable: false, message: 'The end must come after the start.' },
  period_in_past: { status: 400, retryable: false, message: 'The period starts in the past.' },
  period_too_short: {
    status: 400,
    retryable: false,
    message: 'The period is shorter than the listing allows.',
  },
  period_too_long: {
    status: 400,
    retryable: false,
    message: 'The period is longer than the listing allows.',
  },
  notice_too_short: {
    status: 400,
    retryable: false,
    message: 'The host needs more notice before the start.',
  },
  vehicle_not_found: { status: 404, retryable: false, message: 'There is no such vehicle.' },
  vehicle_not_published: { status: 409, retryable: false, message: 'This vehicle is not open for booking.' },
  vehicle_unavailable: {
    status: 409,
    retryable: false,
    message: 'The vehicle is taken for all or part of this period.',
  },
  vehicle_incomplete: {
    status: 409,
    retryable: false,
    message: 'The listing lacks what is named in details.missing.',
  },
  own_vehicle: { status: 403, retryable: false, message: 'You cannot rent your own vehicle.' },
  licence_required: { status: 403, retryable: false, message: 'A verified driver licence is needed.' },
  licence_class_mismatch: {
    status: 403,
    retryable: false,
    message: 'Your licence does not cover this vehicle class.',
  },
  licence_expires_early: {
    status: 403,
    retryable: false,
    message: 'Your licence must be valid through the end of the trip.',
  },
  licence_taken: {
    status: 409,
    retryable: false,
    message: 'This licence number is registered to another account.',
  },
  quote_not_found: { status: 404, retryable: false, message: 'There is no such quote.' },
  quote_expired: { status: 409, retryable: false, message: 'The quote has expired; ask for a new one.' },
  quote_used: { status: 409, retryable: false, message: 'This quote already made a booking.' },
  booking_not_found: { status: 404, retryable: false, message: 'There is no such booking.' },
  booking_not_cancellable: {
    status: 409,
    retryable: false,
    message: 'The booking can no longer be cancelled.',
  },
  inspection_incomplete: {
    status: 409,
    retryable: false,
    message: 'The inspection lacks what is named in details.missing.',
  },
  too_early: { status: 409, retryable: false, message: 'It is too early for this.' },
  hold_expired: { status: 409, retryable: false, message: 'The hold on this slot has expired.' },
  payment_not_found: { status: 404, retryable: false, message: 'There is no such payment.' },
  payment_not_payable: {
    status: 409,
    retryable: false,
    message: 'This payment is already settled or its time is over.',
  },
  payment_amount_unsupported: {
    status: 400,
    retryable: false,
    message: 'This payment method cannot carry that amount.',
  },
  payment_start_again: {
    status: 409,
    retryable: false,
    message: 'This try to pay cannot be continued; start a new one.',
  },
  payment_not_refundable: {
    status: 409,
    retryable: false,
    message: 'No more than details.refundable can be given back now.',
  },
  unmatched_not_found: {
    status: 404,
    retryable: false,
    message: 'There is no such money, or it is settled already.',
  },
  unmatched_not_enough: {
    status: 409,
    retryable: false,
    message: 'The money does not reach what the payment needs; see details.',
  },
  booking_money_held: { status: 409, retryable: false, message: 'The money of this booking is on hold.' },
  bank_account_not_found: { status: 404, retryable: false, message: 'There is no bank account.' },
  bank_account_required: {
    status: 409,
    retryable: false,
    message: 'A bank account is needed that has been set for long enough; see details.usable_from.',
  },
  payout_not_found: { status: 404, retryable: false, message: 'There is no such payout.' },
  payout_batch_not_found: { status: 404, retryable: false, message: 'There is no such batch of payouts.' },
  receipt_not_found: {
    status: 404,
    retryable: false,
    message: 'There is no such receipt, or nothing to issue one for.',
  },
  refund_not_found: { status: 404, retryable: false, message: 'There is no such refund.' },
  refund_repeated: {
    status: 409,
    retryable: false,
    message: 'The same refund was ordered a moment ago; another one needs another reason.',
  },
  transfer_claimed: {
    status: 409,
    retryable: false,
    message: 'An admin is making this transfer by hand; see details.',
  },
  already_paid: { status: 409, retryable: false, message: 'This has been paid already; see details.' },
  media_not_found: { status: 404, retryable: false, message: 'There is no such upload.' },
  media_not_ready: {
    status: 409,
    retryable: false,
    message: 'The file has not been uploaded and checked yet.',
  },
  media_type_refused: { status: 415, retryable: false, message: 'This kind of file is not accepted here.' },
  media_too_large: { status: 413, retryable: false, message: 'The file is too large.' },
  media_mismatch: {
    status: 409,
    retryable: false,
    message: 'The uploaded bytes are not what the ticket announced.',
  },
  media_quota_exceeded: { status: 429, retryable: true, message: 'Too many uploads today.' },
  outbox_lease_lost: {
    status: 409,
    retryable: false,
    message: 'The lease on this outbox row is over or held by another worker.',
  },
} as const satisfies Record<string, { status: number; retryable: boolean; message: string }>;

export type ErrorCode = keyof typeof errorCodes;
