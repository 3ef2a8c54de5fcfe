import type {
  Booking,
  BookingChange,
  BookingDetail,
  BookingDriver,
  BookingStatus,
  CancellationPreview,
  CheckedInspectionChain,
  Driving,
  HostDashboard,
  Inspection,
  InspectionAngle,
  InspectionEvidence,
  ListedBooking,
  NoShow,
  RenterTrip,
  SuspendedBooking,
} from './bookings-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import { verifyInspectionChain } from './inspection-chain.ts';
import { type Result, succeed } from './result.ts';
import type { Minor, Uuid } from './values.ts';

/** The state of a vehicle at hand-over or return. */
export interface InspectionReport {
  bookingId: Uuid;
  odometerKm: number;
  /** 0 to 100. */
  fuelPercent: number;
  /** Uploads of purpose `inspection`, one for each required angle. */
  photos: { mediaId: Uuid; angle: InspectionAngle }[];
  /** At most 2000 characters. */
  note?: string;
}

/** Whose bookings, and which. */
export interface BookingList extends PageOptions {
  role: 'renter' | 'host';
  /** Default: all. */
  statuses?: BookingStatus[];
}

/** Bookings: from the quote to the deposit's return. Every command may be repeated with its key. */
export class Bookings {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Books what was quoted: holds the slot for 15 minutes and creates the payment (`pending_payment`), or asks the
   * host first (`requested`).
   * Errors: `quote_not_found`, `quote_used`, `quote_expired`, `vehicle_unavailable`, `already_held`
   * (details.booking_id), `too_many_open_bookings`, `too_many_days_held`, `vehicle_not_found`,
   * `vehicle_not_published`, `own_vehicle`, `booking_not_possible`, `account_suspended`, `score_too_low`,
   * `email_unverified`, `phone_unverified`, `period_invalid`, `period_in_past`, `period_too_short`,
   * `period_too_long`, `notice_too_short`, `vehicle_papers_end`, `vehicle_closed`, `licence_required`,
   * `licence_class_mismatch`, `licence_expires_early`, `licence_holder_too_young`, `discount_not_found`,
   * `discount_used_up`, `discount_already_used`, `discount_first_only`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: booking, error } = await journey.bookings.create({ quoteId: quote.id });
   * ```
   */
  create(input: { quoteId: Uuid }, options?: CommandOptions): Promise<Result<Booking>> {
    return this.#calls.rpc('create_booking', { quote_id: input.quoteId }, options);
  }

  /**
   * Host: accepts or declines a request. Once accepted, the slot is held until the booking's `hold_expires_at`, while the
   * renter pays. Requests that overlap are declined when the money is there.
   * Errors: `booking_not_found`, `vehicle_not_published`, `vehicle_suspended`, `party_suspended`,
   * `renter_licence_invalid`, `illegal_transition`, `hold_expired` (the time to answer is over),
   * `vehicle_unavailable`, `invalid_input`.
   */
  answer(
    input: { bookingId: Uuid; accept: boolean; reason?: string },
    options?: CommandOptions,
  ): Promise<Result<Booking>> {
    const args = { booking_id: input.bookingId, accept: input.accept, reason: input.reason };
    return this.#calls.rpc('answer_booking', args, options);
  }

  /**
   * What `cancel` would refund now. Show it, and pass its `refund_amount` to `cancel`.
   * Errors: `booking_not_found`, `booking_not_cancellable`, `money_frozen`.
   */
  previewCancel(bookingId: Uuid, options?: CallOptions): Promise<Result<CancellationPreview>> {
    return this.#calls.rpc('cancel_booking_preview', { booking_id: bookingId }, options);
  }

  /**
   * Cancels for the amount that was shown, and orders the refund.
   * Errors: `booking_not_found`, `booking_not_cancellable`, `refund_changed` (details.preview is the new
   * one), `money_frozen`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: preview } = await journey.bookings.previewCancel(bookingId);
   * const expectedRefundAmount = preview?.refund_amount ?? 0;
   * const { error } = await journey.bookings.cancel({ bookingId, expectedRefundAmount, reason: 'Plans changed' });
   * ```
   */
  cancel(
    input: {
      bookingId: Uuid;
      /** `refund_amount` of the preview that the user saw. */
      expectedRefundAmount: Minor;
      /** 1 to 500 characters. */
      reason: string;
    },
    options?: CommandOptions,
  ): Promise<Result<Booking>> {
    const { bookingId, expectedRefundAmount, reason } = input;
    const args = { booking_id: bookingId, expected_refund_amount: expectedRefundAmount, reason };
    return this.#calls.rpc('cancel_booking', args, options);
  }

  /**
   * Renter: asks for the later end that `quotes.createExtension` priced. With instant booking the time is held at once
   * (`pending_payment`) and waits for its payment, which is in `changes` of `get`; otherwise the host answers first.
   * Errors: `quote_not_found`, `quote_used`, `quote_expired` (also when the end has moved since),
   * `booking_not_extendable`, `money_frozen`, `extension_open` (details.change_id), `period_invalid`,
   * `period_too_long`, `vehicle_suspended`, `party_suspended`, `licence_required`, `licence_class_mismatch`,
   * `licence_expires_early`, `licence_holder_too_young`, `vehicle_not_published`, `booking_not_possible`,
   * `vehicle_unavailable`, `already_held` (details.booking_id), `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: change, error } = await journey.bookings.requestExtension({ quoteId: quote.id });
   * ```
   */
  requestExtension(input: { quoteId: Uuid }, options?: CommandOptions): Promise<Result<BookingChange>> {
    return this.#calls.rpc('request_extension', { quote_id: input.quoteId }, options);
  }

  /**
   * Host: accepts or declines an extension. Once accepted, the time is held until its `hold_expires_at`, while the
   * renter pays.
   * Errors: `change_not_found`, `illegal_transition`, `hold_expired` (the time to answer is over),
   * `booking_not_extendable`, `money_frozen`, `period_invalid`, `period_too_long`, `vehicle_suspended`,
   * `party_suspended`, `renter_licence_invalid`, `vehicle_not_published`, `booking_not_possible`,
   * `vehicle_unavailable`, `invalid_input`.
   */
  answerExtension(
    input: { changeId: Uuid; accept: boolean; reason?: string },
    options?: CommandOptions,
  ): Promise<Result<BookingChange>> {
    const args = { change_id: input.changeId, accept: input.accept, reason: input.reason };
    return this.#calls.rpc('answer_extension', args, options);
  }

  /**
   * Renter: withdraws an extension that is not paid; the time is free at once.
   * Errors: `change_not_found`, `illegal_transition`.
   */
  cancelExtension(changeId: Uuid, options?: CommandOptions): Promise<Result<BookingChange>> {
    return this.#calls.rpc('cancel_extension', { change_id: changeId }, options);
  }

  /**
   * The home screen of a host in one call: what waits, what is handed over and comes back today, what is earned.
   * Errors: `invalid_input`.
   */
  hostDashboard(input: { days?: number } = {}, options?: CallOptions): Promise<Result<HostDashboard>> {
    return this.#calls.rpc('host_dashboard', { days: input.days }, options);
  }

  /**
   * The caller's trips as a renter, newest first, each with its vehicle, host, payment and refunds.
   * Errors: `invalid_input`.
   */
  history(page: PageOptions = {}, options?: CallOptions): List<RenterTrip> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('renter_history', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Renter: invites a person to drive as well, until the vehicle is handed over. `profiles.search` finds people.
   * Errors: `booking_not_found`, `drivers_fixed`, `not_found` (no such person, or one who cannot be invited),
   * `too_many_drivers`, `invalid_input`, `rate_limited`.
   */
  inviteDriver(
    input: { bookingId: Uuid; userId: Uuid },
    options?: CommandOptions,
  ): Promise<Result<BookingDriver>> {
    return this.#calls.rpc('invite_driver', { booking_id: input.bookingId, user_id: input.userId }, options);
  }

  /**
   * The invited person accepts to drive, with a verified licence that covers the whole trip, or declines.
   * Errors: `driver_not_found`, `illegal_transition`, `drivers_fixed`, `account_suspended`,
   * `licence_required`, `licence_class_mismatch`, `licence_expires_early`, `licence_holder_too_young`,
   * `invalid_input`.
   */
  answerDriverInvitation(
    input: { driverId: Uuid; accept: boolean },
    options?: CallOptions,
  ): Promise<Result<BookingDriver>> {
    const args = { driver_id: input.driverId, accept: input.accept };
    return this.#calls.rpc('answer_driver_invitation', args, options);
  }

  /**
   * The renter, or the driver: removes an additional driver before the vehicle is handed over.
   * Errors: `driver_not_found`, `illegal_transition`, `drivers_fixed`.
   */
  removeDriver(driverId: Uuid, options?: CallOptions): Promise<Result<BookingDriver>> {
    return this.#calls.rpc('remove_driver', { driver_id: driverId }, options);
  }

  /**
   * Trips of others that the caller was asked to drive in, newest first.
   * Errors: `invalid_input`.
   */
  driving(page: PageOptions = {}, options?: CallOptions): List<Driving> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_driving', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Says that the other side did not come to the hand-over, some time after the booked start (the setting
   * no_show_wait_minutes). The money is frozen, and the other side can object until `counts_at`.
   * Errors: `booking_not_found`, `illegal_transition`, `too_early` (details.from), `inspection_open` (a
   * hand-over was recorded), `no_show_open`, `money_frozen`, `vehicle_suspended` (the host cannot hand it
   * over), `vehicle_not_returned` (another renter has it), `invalid_input`.
   */
  reportNoShow(
    input: {
      bookingId: Uuid;
      /** What happened: 1 to 1000 characters. */
      note: string;
    },
    options?: CommandOptions,
  ): Promise<Result<NoShow>> {
    return this.#calls.rpc('report_no_show', { booking_id: input.bookingId, note: input.note }, options);
  }

  /**
   * The other side accepts a report, which then ends the booking, or objects to it with 1 to 1000 characters; then an
   * admin decides.
   * Errors: `no_show_not_found`, `illegal_transition` (it counts already, or is over), `money_frozen`,
   * `invalid_input`.
   */
  answerNoShow(
    input: { noShowId: Uuid; accept: boolean; objection?: string },
    options?: CallOptions,
  ): Promise<Result<NoShow>> {
    const args = { no_show_id: input.noShowId, accept: input.accept, objection: input.objection };
    return this.#calls.rpc('answer_no_show', args, options);
  }

  /**
   * Takes back the caller's report: the other side came after all.
   * Errors: `no_show_not_found`, `illegal_transition` (it counts already, or is over).
   */
  withdrawNoShow(noShowId: Uuid, options?: CallOptions): Promise<Result<NoShow>> {
    return this.#calls.rpc('withdraw_no_show', { no_show_id: noShowId }, options);
  }

  /**
   * Records the hand-over, from an hour before the booked start until the booked end. The booking stays `confirmed`
   * until the other side acknowledges it, or until its `counts_at` has passed.
   * Errors: `booking_not_found`, `illegal_transition`, `too_early`, `trip_over`, `vehicle_suspended`,
   * `party_suspended`, `renter_licence_invalid`, `inspection_open` (one waits for an answer), `no_show_open`
   * (a report says that one side did not come), `vehicle_not_returned` (from the trip before),
   * `inspection_incomplete`, `media_not_found`, `media_not_ready`, `invalid_input`.
   */
  checkIn(report: InspectionReport, options?: CommandOptions): Promise<Result<Booking>> {
    return this.#calls.rpc('check_in', inspectionArgs(report), options);
  }

  /**
   * Records the return. The trip is `completed` when the other side acknowledges it, or when its `counts_at`, which is
   * after the booked end, has passed.
   * Errors: `booking_not_found`, `illegal_transition`, `inspection_open` (one waits for an answer),
   * `inspection_incomplete`, `media_not_found`, `media_not_ready`, `invalid_input`.
   */
  checkOut(report: InspectionReport, options?: CommandOptions): Promise<Result<Booking>> {
    return this.#calls.rpc('check_out', inspectionArgs(report), options);
  }

  /**
   * The other side agrees with an inspection, which counts from then on: a check-in begins the trip, a check-out
   * completes it.
   * Errors: `not_found`, `illegal_transition` (it was rejected, or the booking is cancelled),
   * `vehicle_not_returned` (an objection is taken back while another renter has the vehicle).
   */
  acknowledgeInspection(inspectionId: Uuid, options?: CallOptions): Promise<Result<Inspection>> {
    return this.#calls.rpc('acknowledge_inspection', { inspection_id: inspectionId }, options);
  }

  /**
   * The other side objects to an inspection that does not count yet, with a reason of 1 to 1000 characters. The money
   * of the booking is frozen until an admin decides, or until the same side acknowledges the inspection after all.
   * Errors: `not_found`, `illegal_transition` (it counts already, was rejected, or the booking is cancelled),
   * `invalid_input`.
   */
  objectToInspection(
    input: { inspectionId: Uuid; reason: string },
    options?: CallOptions,
  ): Promise<Result<Inspection>> {
    const args = { inspection_id: input.inspectionId, reason: input.reason };
    return this.#calls.rpc('object_to_inspection', args, options);
  }

  /**
   * The chain of hashes over the inspections of a trip, for either side and staff: what was recorded, answered and decided,
   * each with the hashes of the photos and of the link before. It is computed again here: `is_verified` says whether it is
   * whole. `seen` is an `inspections_sha256` that was read and kept before; the chain must have it.
   * Errors: `booking_not_found`.
   *
   * @example
   * ```ts
   * const { data: chain } = await journey.bookings.inspectionChain(bookingId, { seen: kept });
   * if (chain && !(chain.is_verified && chain.is_intact)) console.warn('An inspection was changed', chain.problems);
   * ```
   */
  async inspectionChain(
    bookingId: Uuid,
    options: CallOptions & { seen?: string } = {},
  ): Promise<Result<CheckedInspectionChain>> {
    const { seen, ...call } = options;
    const { data, error } = await this.#calls.rpc('inspection_chain', { booking_id: bookingId }, call);
    if (error) return { data: null, error };
    const { valid } = await verifyInspectionChain({ bookingId, links: data.links, seen });
    return succeed({ ...data, is_verified: valid });
  }

  /**
   * Host: returns the deposit before the claim window ends. The rent is payable from then on, but not before the
   * booked end.
   * Errors: `booking_not_found`, `forbidden`, `illegal_transition`, `money_frozen`.
   */
  releaseDeposit(bookingId: Uuid, options?: CommandOptions): Promise<Result<Booking>> {
    return this.#calls.rpc('release_deposit', { booking_id: bookingId }, options);
  }

  /**
   * A booking with everything its screen needs, for either side.
   * Errors: `booking_not_found`.
   */
  get(bookingId: Uuid, options?: CallOptions): Promise<Result<BookingDetail>> {
    return this.#calls.rpc('booking_detail', { booking_id: bookingId }, options);
  }

  /**
   * The caller's bookings, newest first, each with its money: the renter sees the payment, the host what it earns.
   * Errors: `invalid_input`.
   */
  list({ role, statuses, ...page }: BookingList, options?: CallOptions): List<ListedBooking> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_bookings', { role, statuses, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }
}

/** Bookings as people with the role `admin` see them. */
export class AdminBookings {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Bookings that cannot go ahead because their vehicle is suspended, the next start first: unpaid holds that still run,
   * paid bookings, and trips under way. Reinstate the vehicle, or call them off with `admin.payables.cancel`.
   * Errors: `forbidden`, `invalid_input`.
   */
  onSuspendedVehicles(page: PageOptions = {}, options?: CallOptions): List<SuspendedBooking> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('bookings_on_suspended_vehicles', { after, page_size }, options);
    return readList({ by: ['starts_at', 'id'], read }, page, options);
  }

  /**
   * Completes a trip after its booked end as driven: one that nobody checked in, or one whose return nobody recorded
   * and whose vehicle is back. One that did not take place is called off with `admin.payables.cancel` instead.
   * Errors: `forbidden`, `booking_not_found`, `illegal_transition`, `too_early`, `money_frozen`,
   * `inspection_open` (a return waits for an answer and counts by itself), `invalid_input`.
   */
  settle(input: { bookingId: Uuid; reason: string }, options?: CommandOptions): Promise<Result<Booking>> {
    return this.#calls.rpc('settle_trip', { booking_id: input.bookingId, reason: input.reason }, options);
  }

  /**
   * When and where the photos of a trip's inspections were taken, as their cameras wrote it: a hint, no proof.
   * Errors: `forbidden`, `booking_not_found`.
   */
  evidence(bookingId: Uuid, options?: CallOptions): Promise<Result<InspectionEvidence[]>> {
    return this.#calls.rpc('inspection_evidence', { booking_id: bookingId }, options);
  }

  /**
   * Decides whether an inspection counts that one side objected to, and ends the freeze of that objection. Both sides
   * are told the reason.
   * Errors: `forbidden`, `not_found`, `illegal_transition`, `vehicle_not_returned` (another renter has it;
   * settle the trip instead), `invalid_input`.
   */
  decideInspection(
    input: { inspectionId: Uuid; counts: boolean; reason: string },
    options?: CallOptions,
  ): Promise<Result<Inspection>> {
    const args = { inspection_id: input.inspectionId, counts: input.counts, reason: input.reason };
    return this.#calls.rpc('decide_inspection', args, options);
  }

  /**
   * Decides whether a report of a no-show counts that the other side objected to. Both sides are told the reason.
   * Errors: `forbidden`, `no_show_not_found`, `illegal_transition`, `money_frozen` (for another reason),
   * `invalid_input`.
   */
  decideNoShow(
    input: { noShowId: Uuid; counts: boolean; reason: string },
    options?: CallOptions,
  ): Promise<Result<NoShow>> {
    const args = { no_show_id: input.noShowId, counts: input.counts, reason: input.reason };
    return this.#calls.rpc('decide_no_show', args, options);
  }
}

function inspectionArgs(report: InspectionReport) {
  return {
    booking_id: report.bookingId,
    odometer_km: report.odometerKm,
    fuel_percent: report.fuelPercent,
    photos: report.photos.map(({ mediaId, angle }) => ({ media_id: mediaId, angle })),
    note: report.note,
  };
}
