import type { CallOptions, Calls } from './core/calls.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';
import type { WaitingList, WaitingPlace } from './waiting-lists-rows.ts';

/** Waiting lists for kinds of tickets that are sold out. */
export class WaitingLists {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Joins the list of a kind of ticket that is sold out. What comes back is offered in the order of joining, all that a
   * place asks for or nothing, and kept for two hours. `journey.orders.create` takes it: order that kind alone, at most as many.
   * May be repeated.
   * Errors: `ticket_class_not_found`, `event_not_on_sale` (details {class_id, state, starts_at, ends_at}),
   * `not_sold_out` (details.left, null where the organizer does not show it), `already_waiting`
   * (details.quantity), `ticket_limit_reached` (details {class_id, per: order or person, limit, has}),
   * `account_suspended`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: place, error } = await journey.waitingLists.join({ classId, quantity: 2 });
   * if (error?.code === 'not_sold_out') await journey.orders.create({ eventId, items: [{ classId, quantity: 2 }] });
   * ```
   */
  join(
    input: { classId: Uuid; quantity?: number; unlockCode?: string },
    options?: CallOptions,
  ): Promise<Result<WaitingPlace>> {
    const args = { class_id: input.classId, quantity: input.quantity, unlock_code: input.unlockCode };
    return this.#calls.rpc('join_waiting_list', args, options);
  }

  /**
   * Leaves a list, or declines its offer, which goes to the next at once. May be repeated.
   * Errors: `not_on_waiting_list`.
   */
  leave(classId: Uuid, options?: CallOptions): Promise<Result<WaitingPlace>> {
    return this.#calls.rpc('leave_waiting_list', { class_id: classId }, options);
  }

  /**
   * The places of the signed-in person, newest first, those that ended in the last seven days included. Looking also
   * serves what time alone has freed.
   * Errors: `rate_limited`.
   */
  mine(options?: CallOptions): Promise<Result<WaitingPlace[]>> {
    return this.#calls.rpc('my_waiting_places', {}, options);
  }

  /**
   * For each kind of ticket of an event how many people wait, for the team of the organizer and staff.
   * Errors: `event_not_found`.
   */
  ofEvent(eventId: Uuid, options?: CallOptions): Promise<Result<WaitingList[]>> {
    return this.#calls.rpc('event_waiting_lists', { event_id: eventId }, options);
  }
}
