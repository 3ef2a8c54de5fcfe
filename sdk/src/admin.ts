import type { InvariantViolation, ReviewCase, ReviewClaim } from './admin-rows.ts';
import { AdminAnalytics } from './analytics.ts';
import { AdminBookings } from './bookings.ts';
import { AdminBroadcasts } from './broadcasts.ts';
import { AdminCharges } from './charges.ts';
import { AdminChat } from './chat.ts';
import { AdminComplaints } from './complaints.ts';
import type { CallOptions, Calls } from './core/calls.ts';
import { type List, type PageOptions, readList } from './core/pages.ts';
import { AdminDiscounts } from './discounts.ts';
import { AdminEvents } from './events.ts';
import { AdminLedger } from './ledger.ts';
import type { DriverLicence, LicenceCorrections, LicenceToReview } from './licences-rows.ts';
import { AdminMail } from './mail.ts';
import { AdminNotifications } from './notifications.ts';
import { AdminOperations } from './operations.ts';
import { AdminPayables } from './payables.ts';
import { AdminPayments } from './payments.ts';
import { AdminPayouts } from './payouts.ts';
import { AdminRefunds } from './refunds.ts';
import { AdminModeration } from './reports.ts';
import type { Result } from './result.ts';
import { AdminReversals } from './reversals.ts';
import { AdminReviews } from './reviews.ts';
import { AdminRoles } from './roles.ts';
import { AdminPeople } from './trust.ts';
import { AdminUnmatched } from './unmatched.ts';
import type { Uuid } from './values.ts';
import type { Vehicle, VehicleDocument, VehicleDocumentToReview, VehicleToReview } from './vehicles-rows.ts';

/** The order of what waits for a review. */
const byWaiting = ['waiting_since', 'id'] as const;

/** What people with the role `admin` do; those with `support` read and decide reviews. The role is looked up by the backend with each call. */
export class Admin {
  readonly #calls: Calls;
  /** People who may not use the platform for now. */
  readonly people: AdminPeople;
  /** Who is admin or support. */
  readonly roles: AdminRoles;
  /** Trips that need somebody: objections, suspended vehicles. */
  readonly bookings: AdminBookings;
  /** Discount codes. */
  readonly discounts: AdminDiscounts;
  /** Charges after trips that nobody agrees on, or paid. */
  readonly charges: AdminCharges;
  /** Events and organizers. */
  readonly events: AdminEvents;
  /** What payments pay. */
  readonly payables: AdminPayables;
  /** What providers said and somebody must look at. */
  readonly payments: AdminPayments;
  /** Money that fits no payment. */
  readonly unmatched: AdminUnmatched;
  /** What goes back to payers. */
  readonly refunds: AdminRefunds;
  /** Chargebacks, and refunds made in a provider's portal. */
  readonly reversals: AdminReversals;
  /** What hosts get. */
  readonly payouts: AdminPayouts;
  /** Complaints about bookings and orders. */
  readonly complaints: AdminComplaints;
  /** What people reported, and what staff does about it. */
  readonly moderation: AdminModeration;
  /** Reviews of trips. */
  readonly reviews: AdminReviews;
  /** Texts to many people. */
  readonly broadcasts: AdminBroadcasts;
  /** Addresses that take no mail. */
  readonly mail: AdminMail;
  /** Conversations with support. */
  readonly chat: AdminChat;
  /** What was sent to people, and what was not. */
  readonly notifications: AdminNotifications;
  /** The proof of the books. */
  readonly ledger: AdminLedger;
  /** Figures of the marketplace. */
  readonly analytics: AdminAnalytics;
  /** Jobs, and what could not be delivered. */
  readonly operations: AdminOperations;

  constructor(calls: Calls) {
    this.#calls = calls;
    this.people = new AdminPeople(calls);
    this.roles = new AdminRoles(calls);
    this.bookings = new AdminBookings(calls);
    this.discounts = new AdminDiscounts(calls);
    this.charges = new AdminCharges(calls);
    this.events = new AdminEvents(calls);
    this.payables = new AdminPayables(calls);
    this.payments = new AdminPayments(calls);
    this.unmatched = new AdminUnmatched(calls);
    this.refunds = new AdminRefunds(calls);
    this.reversals = new AdminReversals(calls);
    this.payouts = new AdminPayouts(calls);
    this.complaints = new AdminComplaints(calls);
    this.moderation = new AdminModeration(calls);
    this.reviews = new AdminReviews(calls);
    this.broadcasts = new AdminBroadcasts(calls);
    this.mail = new AdminMail(calls);
    this.chat = new AdminChat(calls);
    this.notifications = new AdminNotifications(calls);
    this.ledger = new AdminLedger(calls);
    this.analytics = new AdminAnalytics(calls);
    this.operations = new AdminOperations(calls);
  }

  /**
   * Listings that wait for a review, the longest waiting first, with what a review looks at.
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.admin.vehiclesToReview();
   * for (const { images } of page?.rows ?? []) show(await journey.media.signedUrls(images));
   * ```
   */
  vehiclesToReview(page: PageOptions = {}, options?: CallOptions): List<VehicleToReview> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('vehicles_to_review', { after, page_size }, options);
    return readList({ by: byWaiting, read }, page, options);
  }

  /**
   * Decides on a listing. `reject` and `suspend` need a reason of 1 to 500 characters; `publish` and `reinstate` need the
   * `revision` of the listing that was looked at.
   * Errors: `forbidden`, `vehicle_not_found`, `invalid_input`, `illegal_transition`, `vehicle_changed`,
   * `plate_taken` (details.vehicle_id), `review_claimed`.
   */
  reviewVehicle(
    input: {
      vehicleId: Uuid;
      decision: 'publish' | 'reject' | 'suspend' | 'reinstate';
      reason?: string;
      revision?: number;
    },
    options?: CallOptions,
  ): Promise<Result<Vehicle>> {
    const args = {
      vehicle_id: input.vehicleId,
      decision: input.decision,
      reason: input.reason,
      revision: input.revision,
    };
    return this.#calls.rpc('review_vehicle', args, options);
  }

  /**
   * Inspections and insurances of vehicles that wait for a review, the longest waiting first.
   * Errors: `forbidden`, `invalid_input`.
   */
  vehicleDocumentsToReview(page: PageOptions = {}, options?: CallOptions): List<VehicleDocumentToReview> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('vehicle_documents_to_review', { after, page_size }, options);
    return readList({ by: byWaiting, read }, page, options);
  }

  /**
   * Verifies or rejects papers of a vehicle. A rejection needs a reason of 1 to 500 characters, which the host reads.
   * Errors: `forbidden`, `vehicle_document_not_found`, `illegal_transition`, `review_claimed`,
   * `invalid_input`.
   */
  reviewVehicleDocument(
    input: { documentId: Uuid; accept: boolean; reason?: string },
    options?: CallOptions,
  ): Promise<Result<VehicleDocument>> {
    const args = { document_id: input.documentId, accept: input.accept, reason: input.reason };
    return this.#calls.rpc('review_vehicle_document', args, options);
  }

  /**
   * Driver licences that wait for a review, the longest waiting first, with who else has the number.
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.admin.licencesToReview();
   * for (const { front, back } of page?.rows ?? []) show(await journey.media.signedUrls([front, back], { expiresIn: 300 }));
   * ```
   */
  licencesToReview(page: PageOptions = {}, options?: CallOptions): List<LicenceToReview> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('licences_to_review', { after, page_size }, options);
    return readList({ by: byWaiting, read }, page, options);
  }

  /**
   * Decides on a licence; `reject` needs a reason, `verify` may correct what the photos show otherwise. Its person is
   * told.
   * Errors: `forbidden`, `not_found`, `invalid_input`, `unknown_field`, `illegal_transition`, `licence_taken`
   * (details.licence_id), `review_claimed`.
   */
  reviewLicence(
    input: {
      licenceId: Uuid;
      decision: 'verify' | 'reject';
      reason?: string;
      corrections?: LicenceCorrections;
    },
    options?: CallOptions,
  ): Promise<Result<DriverLicence>> {
    const args = {
      licence_id: input.licenceId,
      decision: input.decision,
      reason: input.reason,
      corrections: input.corrections,
    };
    return this.#calls.rpc('review_licence', args, options);
  }

  /**
   * Takes a case that waits for a review, so that no other reviewer decides it meanwhile. It ends with the decision, or
   * after 15 minutes; claiming again begins the time anew.
   * Errors: `forbidden`, `not_found`, `invalid_input`, `illegal_transition` (it does not wait),
   * `review_claimed` (details as the answer).
   *
   * @example
   * ```ts
   * const { data: page } = await journey.admin.licencesToReview();
   * const subjectId = page?.rows.find(({ claim }) => !claim)?.id;
   * if (subjectId) await journey.admin.claimReview({ kind: 'licence', subjectId });
   * ```
   */
  claimReview({ kind, subjectId }: ReviewCase, options?: CallOptions): Promise<Result<ReviewClaim>> {
    return this.#calls.rpc('claim_review', { kind, subject_id: subjectId }, options);
  }

  /**
   * Gives a claimed case back. Safe to repeat.
   * Errors: `forbidden`.
   */
  releaseReview({ kind, subjectId }: ReviewCase, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('release_review', { kind, subject_id: subjectId }, options);
  }

  /**
   * One row for each violation of an invariant; an empty list means healthy.
   * Errors: `forbidden`.
   */
  checkInvariants(options?: CallOptions): Promise<Result<InvariantViolation[]>> {
    return this.#calls.rpc('check_invariants', {}, options);
  }
}
