import type { CallOptions, Calls } from './core/calls.ts';
import { firstOr, localError } from './core/rows.ts';
import { readableColumns } from './generated/columns.ts';
import {
  type Priced,
  PricingError,
  type PricingFacts,
  type PricingOptions,
  priceRental,
} from './generated/pricing/index.ts';
import type { Quote } from './quotes-rows.ts';
import { fail, type Result, succeed } from './result.ts';
import { type Instant, toTimestamp } from './time.ts';
import type { Uuid } from './values.ts';

/** Which trip to price. */
export interface QuoteRequest {
  vehicleId: Uuid;
  startsAt: Instant;
  endsAt: Instant;
  options?: PricingOptions;
  /** A discount code, as the person types it. */
  discountCode?: string;
}

/** A trip to estimate. What is absent is taken from the facts. */
export interface EstimateRequest {
  /** From an earlier quote (`quote.facts`), or put together from a listing and the platform's rates. */
  facts: Omit<PricingFacts, 'starts_at' | 'ends_at' | 'options'> & Partial<PricingFacts>;
  startsAt?: Instant;
  endsAt?: Instant;
  options?: PricingOptions;
}

/** Prices. Only a quote is binding. */
export class Quotes {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The binding price of a trip, valid for ten minutes. Asking again is harmless: a quote that is not used expires.
   * Errors: `vehicle_not_found`, `own_vehicle`, `vehicle_not_published`, `booking_not_possible`,
   * `account_suspended`, `score_too_low`, `vehicle_unavailable`, `already_held` (details.booking_id),
   * `email_unverified`, `phone_unverified`, `period_invalid`, `period_in_past`, `period_too_short`,
   * `period_too_long`, `notice_too_short`, `vehicle_papers_end`, `vehicle_closed`, `licence_required`,
   * `licence_class_mismatch`, `licence_expires_early`, `licence_holder_too_young`, `discount_not_found`,
   * `discount_used_up`, `discount_already_used`, `discount_first_only`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: quote, error } = await journey.quotes.create({
   *   vehicleId: hit.vehicle_id, startsAt, endsAt, options: { insurance: 'basic', delivery: true },
   * });
   * ```
   */
  create(request: QuoteRequest, options?: CallOptions): Promise<Result<Quote>> {
    return this.#calls.invoke<Quote>(
      'repeatable',
      'quote',
      {
        vehicle_id: request.vehicleId,
        starts_at: toTimestamp(request.startsAt),
        ends_at: toTimestamp(request.endsAt),
        ...(request.options ? { options: request.options } : {}),
        ...(request.discountCode === undefined ? {} : { discount_code: request.discountCode }),
      },
      options,
    );
  }

  /**
   * What a later end of a trip costs more, valid for ten minutes: by the price rules of the booking, as they were when
   * it was booked. `bookings.requestExtension` takes the answer.
   * Errors: `booking_not_found`, `booking_not_extendable`, `money_frozen`, `period_invalid`,
   * `period_too_long`, `vehicle_suspended`, `party_suspended`, `licence_required`, `licence_class_mismatch`,
   * `licence_expires_early`, `licence_holder_too_young`, `vehicle_not_published`, `booking_not_possible`,
   * `vehicle_unavailable`, `already_held` (details.booking_id), `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: quote } = await journey.quotes.createExtension({ bookingId: booking.id, endsAt: later });
   * ```
   */
  createExtension(
    request: { bookingId: Uuid; endsAt: Instant },
    options?: CallOptions,
  ): Promise<Result<Quote>> {
    return this.#calls.invoke<Quote>(
      'repeatable',
      'quote/extension',
      { booking_id: request.bookingId, ends_at: toTimestamp(request.endsAt) },
      options,
    );
  }

  /**
   * A quote of the caller.
   * Errors: `quote_not_found`.
   */
  async get(quoteId: Uuid, options?: CallOptions): Promise<Result<Quote>> {
    const rows = await this.#calls.table<Quote[]>(
      'read',
      (client) => client.from('quotes').select(readableColumns.quotes).eq('id', quoteId),
      options,
    );
    return firstOr(rows, 'quote_not_found', options);
  }

  /**
   * What a trip would cost, computed here and at once by the library the backend uses itself: for sliders and
   * switches. It promises nothing; `create` does.
   * Errors: `invalid_input`.
   *
   * @example
   * ```ts
   * const { data } = journey.quotes.estimate({ facts: quote.facts, options: { insurance: 'premium' } });
   * ```
   */
  estimate({ facts, startsAt, endsAt, options }: EstimateRequest): Result<Priced> {
    const trip = {
      ...facts,
      starts_at: startsAt === undefined ? (facts.starts_at ?? '') : toTimestamp(startsAt),
      ends_at: endsAt === undefined ? (facts.ends_at ?? '') : toTimestamp(endsAt),
      options: { ...facts.options, ...options },
    };
    try {
      return succeed(priceRental(trip));
    } catch (error) {
      if (!(error instanceof PricingError)) throw error;
      return fail(
        localError('invalid_input', {
          field: estimateField(error.field),
          problem: error.problem.replace(/starts_at|ends_at/g, estimateField),
        }),
      );
    }
  }
}

/** How `estimate` names a field of the facts. */
function estimateField(field: string): string {
  if (field.startsWith('options.')) return field;
  return field === 'starts_at' ? 'startsAt' : field === 'ends_at' ? 'endsAt' : `facts.${field}`;
}
