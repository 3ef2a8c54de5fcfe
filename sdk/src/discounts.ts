import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type CreatedPlace, type List, type PageOptions, readList } from './core/pages.ts';
import type {
  AvailableDiscount,
  Discount,
  DiscountChanges,
  DiscountDetails,
  DiscountScope,
} from './discounts-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** Codes that take something off a price. A quote takes one (`quotes.create`), and an order of tickets. */
export class Discounts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The codes that are shown to everybody and that the signed-in person can use now, newest first. Whether a price is
   * high enough for one is seen in its quote. An organizer or event leaves out codes for others.
   * Errors: `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.discounts.available({ scope: 'rental' });
   * const [best] = page?.rows ?? [];
   * const quote = await journey.quotes.create({ vehicleId, startsAt, endsAt, discountCode: best?.code });
   * ```
   */
  available(
    {
      scope,
      organizerId,
      eventId,
      ...page
    }: PageOptions & { scope?: DiscountScope; organizerId?: Uuid; eventId?: Uuid } = {},
    options?: CallOptions,
  ): List<AvailableDiscount> {
    const read = (page_size: number, after?: CreatedPlace) =>
      this.#calls.rpc(
        'available_discounts',
        { scope, organizer_id: organizerId, event_id: eventId, after: after && { ...after }, page_size },
        options,
      );
    return readList({ by: byCreation, read }, page, options);
  }
}

/** Codes of the platform, which pays for them. */
export class AdminDiscounts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Makes a code.
   * Errors: `forbidden`, `discount_code_taken`, `invalid_input`, `unknown_field`.
   *
   * @example
   * ```ts
   * await journey.admin.discounts.create({
   *   code: 'TET2027', title: 'Lunar New Year', scope: 'rental', percent_bps: 1000, max_amount: 200_000, total_limit: 500,
   * });
   * ```
   */
  create(details: DiscountDetails, options?: CommandOptions): Promise<Result<Discount>> {
    return this.#calls.rpc('create_discount', { details: { ...details } }, options);
  }

  /**
   * Changes any code, also one of an organizer, for what comes after: quotes, bookings and orders keep what was agreed. A
   * paused code is not used anew.
   * Errors: `forbidden`, `discount_not_found`, `invalid_input`, `unknown_field`.
   */
  update(
    discountId: Uuid,
    changes: DiscountChanges & { is_paused?: boolean },
    options?: CallOptions,
  ): Promise<Result<Discount>> {
    return this.#calls.rpc('update_discount', { discount_id: discountId, details: { ...changes } }, options);
  }

  /**
   * All codes, newest first, with how often each is used.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(
    { scope, ...page }: PageOptions & { scope?: DiscountScope } = {},
    options?: CallOptions,
  ): List<Discount> {
    const read = (page_size: number, after?: CreatedPlace) =>
      this.#calls.rpc('list_discounts', { scope, after: after && { ...after }, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }
}
