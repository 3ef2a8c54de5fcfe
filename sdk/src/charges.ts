import type { Charge, ChargeKind, ListedCharge, OpenCharge, TripCosts } from './charges-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import type { Minor, Uuid } from './values.ts';

/** What the host asks for. */
export interface ChargeProposal {
  bookingId: Uuid;
  kind: ChargeKind;
  /** With its tax. Of `km` and `late` at most what `costs` says, and left out for all of it. */
  amount?: Minor;
  /** At most 1000 characters. */
  note?: string;
  /** At most 12 uploads of purpose `charge`. Toll, cleaning, damage and other need one. */
  mediaIds?: Uuid[];
}

/** Charges after a trip: asked for by the host in the claim window, answered by the renter. */
export class Charges {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * What the records of a trip say that it cost beyond its price, for either side.
   * Errors: `booking_not_found`.
   */
  costs(bookingId: Uuid, options?: CallOptions): Promise<Result<TripCosts>> {
    return this.#calls.rpc('trip_costs', { booking_id: bookingId }, options);
  }

  /**
   * Host: asks for a charge, until the booking's `claim_until`.
   * Errors: `booking_not_found`, `forbidden`, `claim_window_closed`, `charge_not_possible` (details has what
   * the records say), `charge_repeated`, `too_many_charges`, `evidence_required`, `media_not_found`,
   * `media_not_ready`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: charge } = await journey.charges.propose({ bookingId, kind: 'fuel', amount: 250_000, note: 'A quarter tank' });
   * ```
   */
  propose(input: ChargeProposal, options?: CommandOptions): Promise<Result<Charge>> {
    const { bookingId: booking_id, kind, amount, note, mediaIds: media_ids } = input;
    return this.#calls.rpc('propose_charge', { booking_id, kind, amount, note, media_ids }, options);
  }

  /**
   * Renter: accepts a charge, or refuses it with a reason of 1 to 1000 characters, until its `answer_by`. What is
   * accepted is taken from the deposit; the rest is paid with `payments.start` until `pay_by`. Repeatable.
   * Errors: `charge_not_found`, `forbidden`, `illegal_transition` (the time is over, or it has ended),
   * `invalid_input`.
   */
  answer(
    input: { chargeId: Uuid; accept: boolean; reason?: string },
    options?: CallOptions,
  ): Promise<Result<Charge>> {
    const args = { charge_id: input.chargeId, accept: input.accept, reason: input.reason };
    return this.#calls.rpc('answer_charge', args, options);
  }

  /**
   * Host: takes a charge back, or lets go what is not paid of one that counts. Repeatable.
   * Errors: `charge_not_found`, `forbidden`, `illegal_transition` (it has ended).
   */
  withdraw(chargeId: Uuid, options?: CallOptions): Promise<Result<Charge>> {
    return this.#calls.rpc('withdraw_charge', { charge_id: chargeId }, options);
  }

  /**
   * The charges of a trip, oldest first, for either side.
   * Errors: `booking_not_found`.
   */
  list(bookingId: Uuid, options?: CallOptions): Promise<Result<ListedCharge[]>> {
    return this.#calls.rpc('charges_of_booking', { booking_id: bookingId }, options);
  }
}

/** Charges after trips as staff sees them. */
export class AdminCharges {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Charges that an admin must decide (`disputed`), or whose rest was not paid in time (`unpaid`), oldest first.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(
    { status, ...page }: PageOptions & { status?: 'disputed' | 'unpaid' } = {},
    options?: CallOptions,
  ): List<OpenCharge> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_charges', { status, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Decides a disputed charge: how much of it counts, or 0 for nothing, and why (1 to 1000 characters, read by both sides).
   * Errors: `forbidden`, `charge_not_found`, `illegal_transition` (it is not disputed), `invalid_input`.
   */
  decide(
    input: { chargeId: Uuid; amount: Minor; reason: string },
    options?: CallOptions,
  ): Promise<Result<Charge>> {
    const args = { charge_id: input.chargeId, amount: input.amount, reason: input.reason };
    return this.#calls.rpc('decide_charge', args, options);
  }
}
