import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type {
  EventOrder,
  ListedOrder,
  Order,
  OrderCancellation,
  OrderCancellationPreview,
  OrderDetail,
  OrderStatus,
} from './orders-rows.ts';
import type { Result } from './result.ts';
import type { Minor, Uuid } from './values.ts';

/** What is ordered: items, chosen seats, or both. */
export interface NewOrder {
  eventId: Uuid;
  /** How many of each kind. Of a kind with seats the best available, side by side unless `together` is false. */
  items?: { classId: Uuid; quantity: number; together?: boolean }[];
  /** Seats that the buyer chose, each a ticket of its kind. */
  seats?: Uuid[];
  /** For hidden kinds of tickets. */
  unlockCode?: string;
  /** For an event with a waiting room. */
  admission?: Uuid;
  /** A discount code, as the person types it. */
  discountCode?: string;
}

/** Orders of tickets. Every command may be repeated with its key. */
export class Orders {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Orders tickets: holds them for 15 minutes and creates the payment (`pending_payment`); with nothing to pay the order is
   * `completed` at once. Pay it like any payable: `journey.payments`.
   * Errors: `event_not_found`, `ticket_class_not_found` (details.class_id), `event_not_on_sale` (details
   * {class_id, state, starts_at, ends_at}), `sold_out` (details {class_id, left}; left is null where the
   * organizer does not show it), `ticket_limit_reached` (details {class_id, per: order or person, limit,
   * has}), `too_many_open_orders`, `seat_taken` (details.seat_ids), `seats_not_together` (details.class_id),
   * `seat_left_alone` (details.seat_ids), `admission_required`, `admission_over`, `account_suspended`,
   * `discount_not_found`, `discount_used_up`, `discount_already_used`, `discount_first_only`,
   * `discount_below_minimum` (details.min_amount), `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: order, error } = await journey.orders.create({ eventId, items: [{ classId, quantity: 2 }] });
   * if (error?.code === 'sold_out') show(error.details);
   * ```
   */
  create(order: NewOrder, options?: CommandOptions): Promise<Result<Order>> {
    const items = (order.items ?? []).map(({ classId, quantity, together }) => ({
      class_id: classId,
      quantity,
      ...(together === undefined ? {} : { together }),
    }));
    const args = {
      event_id: order.eventId,
      items,
      seats: order.seats,
      unlock_code: order.unlockCode,
      admission: order.admission,
      discount_code: order.discountCode,
    };
    return this.#calls.rpc('create_order', args, options);
  }

  /**
   * An order with payment, seats and tickets, for its buyer and its organizer.
   * Errors: `order_not_found`.
   */
  get(orderId: Uuid, options?: CallOptions): Promise<Result<OrderDetail>> {
    return this.#calls.rpc('order_detail', { order_id: orderId }, options);
  }

  /**
   * The caller's orders, newest first, in their state of now.
   * Errors: `invalid_input`.
   */
  list(input: { statuses?: OrderStatus[] } & PageOptions = {}, options?: CallOptions): List<ListedOrder> {
    const { statuses, after, pageSize } = input;
    const read = (page_size: number, place?: object) =>
      this.#calls.rpc('my_orders', { statuses, after: place, page_size }, options);
    return readList({ by: byCreation, read }, { after, pageSize }, options);
  }

  /**
   * The orders of an event, newest first, for its organizer.
   * Errors: `event_not_found`, `invalid_input`.
   */
  ofEvent(
    input: { eventId: Uuid; statuses?: OrderStatus[] } & PageOptions,
    options?: CallOptions,
  ): List<EventOrder> {
    const { eventId, statuses, after, pageSize } = input;
    const read = (page_size: number, place?: object) =>
      this.#calls.rpc('event_orders', { event_id: eventId, statuses, after: place, page_size }, options);
    return readList({ by: byCreation, read }, { after, pageSize }, options);
  }

  /**
   * What `cancel` would give back now. Show it, and pass its `refund_amount` to `cancel`.
   * Errors: `order_not_found`, `order_not_cancellable`, `invalid_input`.
   */
  previewCancel(
    input: { orderId: Uuid; ticketIds?: Uuid[] },
    options?: CallOptions,
  ): Promise<Result<OrderCancellationPreview>> {
    const args = { order_id: input.orderId, ticket_ids: input.ticketIds };
    return this.#calls.rpc('cancel_order_preview', args, options);
  }

  /**
   * Cancels an unpaid order, or tickets of a completed one: those named, or all. What was paid for them goes back.
   * Errors: `order_not_found`, `order_not_cancellable`, `order_refund_changed` (details.refund_amount),
   * `money_frozen`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: preview } = await journey.orders.previewCancel({ orderId, ticketIds });
   * const expectedRefundAmount = preview?.refund_amount ?? 0;
   * const { error } = await journey.orders.cancel({ orderId, ticketIds, expectedRefundAmount });
   * ```
   */
  cancel(
    input: {
      orderId: Uuid;
      /** `refund_amount` of the preview that the user saw. */
      expectedRefundAmount: Minor;
      /** Default: all that are left. */
      ticketIds?: Uuid[];
      /** 1 to 500 characters. */
      reason?: string;
    },
    options?: CommandOptions,
  ): Promise<Result<OrderCancellation>> {
    const args = {
      order_id: input.orderId,
      expected_refund_amount: input.expectedRefundAmount,
      ticket_ids: input.ticketIds,
      reason: input.reason,
    };
    return this.#calls.rpc('cancel_order', args, options);
  }
}
