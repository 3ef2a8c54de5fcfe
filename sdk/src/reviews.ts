import type { CallOptions, Calls } from './core/calls.ts';
import { byCreation, type CreatedPlace, type List, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import type { PublicReview, Review, ReviewAspects, ReviewToWrite } from './reviews-rows.ts';
import type { Uuid } from './values.ts';

/** What a person says of a trip. */
export interface ReviewText {
  bookingId: Uuid;
  /** 1 to 5. */
  rating: number;
  /** At most 2000 characters. */
  comment?: string;
  aspects?: ReviewAspects;
}

/** Reviews of trips. Neither side reads the other's before both have written, or before the time for it is over. */
export class Reviews {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Reviews a completed trip, or changes the review while nobody else can read it. When both sides have written, or 14
   * days after the trip, both reviews are public. Repeatable.
   * Errors: `review_not_possible`, `review_released`, `invalid_input`, `rate_limited`.
   *
   * @example `await journey.reviews.write({ bookingId: booking.id, rating: 5, comment: 'Clean and on time' })`
   */
  write({ bookingId, rating, comment, aspects }: ReviewText, options?: CallOptions): Promise<Result<Review>> {
    return this.#calls.rpc(
      'write_review',
      { booking_id: bookingId, rating, comment, aspects: aspects && { ...aspects } },
      options,
    );
  }

  /**
   * Takes a review back. It no longer counts. One that was not public yet can be written again. Repeatable.
   * Errors: `review_not_found` (also one that staff has hidden).
   */
  withdraw(reviewId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('withdraw_review', { review_id: reviewId }, options);
  }

  /**
   * Answers a public review about the signed-in person, once, in 1 to 2000 characters. Repeatable with the same text.
   * Errors: `review_not_found`, `review_answered`, `account_suspended`, `invalid_input`.
   */
  reply(reviewId: Uuid, reply: string, options?: CallOptions): Promise<Result<Review>> {
    return this.#calls.rpc('reply_to_review', { review_id: reviewId, reply }, options);
  }

  /**
   * Public reviews, newest first: of a vehicle by its renters, or about a person as host and as renter. Give one of the two.
   * Errors: `invalid_input`.
   *
   * @example `const { data: page } = await journey.reviews.list({ ofVehicleId: vehicle.id })`
   */
  list(
    { ofVehicleId, ofUserId, ...page }: PageOptions & { ofVehicleId?: Uuid; ofUserId?: Uuid },
    options?: CallOptions,
  ): List<PublicReview> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc(
        'list_reviews',
        { of_vehicle_id: ofVehicleId, of_user_id: ofUserId, after, page_size },
        options,
      );
    return readList({ by: ['released_at', 'id'], read }, page, options);
  }

  /**
   * What the signed-in person has written, newest first, also what is not public yet.
   * Errors: `invalid_input`.
   */
  mine(page: PageOptions = {}, options?: CallOptions): List<Review> {
    const read = (page_size: number, after?: CreatedPlace) =>
      this.#calls.rpc('my_reviews', { after: after && { ...after }, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /** The trips that the signed-in person may still review, at most 100, the one whose time ends first first. */
  toWrite(options?: CallOptions): Promise<Result<ReviewToWrite[]>> {
    return this.#calls.rpc('reviews_to_write', {}, options);
  }
}

/** Reviews, as staff sees them. */
export class AdminReviews {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Hides a review, which no longer counts. Its author is told the reason.
   * Errors: `forbidden`, `review_not_found` (also one that is hidden), `invalid_input`.
   */
  hide(input: { reviewId: Uuid; reason: string }, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('hide_review', { review_id: input.reviewId, reason: input.reason }, options);
  }

  /**
   * Shows a hidden review again. The reason is for the log.
   * Errors: `forbidden`, `review_not_found` (also one that is not hidden), `invalid_input`.
   */
  restore(input: { reviewId: Uuid; reason: string }, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('restore_review', { review_id: input.reviewId, reason: input.reason }, options);
  }
}
