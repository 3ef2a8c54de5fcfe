import type { TicketClass, TicketEvent } from './events-rows.ts';
import type { OrdersRow, Tables } from './generated/database.ts';
import type { Payment } from './payments-rows.ts';
import type { Refund } from './refunds-rows.ts';
import type { Currency, Minor, Uuid } from './values.ts';

/** An order of tickets. Amounts are minor units of `currency`, tax included. */
export interface Order extends OrdersRow {}
export type OrderStatus = Order['status'];

/** What was ordered of one kind of ticket. */
export interface OrderedItem
  extends Pick<
    Tables['order_items'],
    'id' | 'class_id' | 'quantity' | 'unit_price' | 'discount_amount' | 'amount' | 'tax_amount'
  > {
  name: TicketClass['name'];
}

/** An order in a list. */
export interface ListedOrder extends Order {
  event: Pick<
    TicketEvent,
    'id' | 'title' | 'venue' | 'address' | 'city' | 'time_zone' | 'starts_at' | 'ends_at' | 'status'
  >;
  /** The code that took something off. Null without one. */
  discount_code: string | null;
  items: OrderedItem[];
}

/** A ticket of an order. */
export type OrderedTicket = Pick<
  Tables['tickets'],
  'id' | 'class_id' | 'number' | 'status' | 'seat_id' | 'holder_id' | 'paid_amount' | 'cancelled_at'
>;

/** A seat of an order. */
export interface OrderedSeat {
  id: Uuid;
  class_id: Uuid;
  section: string;
  row_label: string;
  number: string;
}

/** An order with all that its screen needs. */
export interface OrderDetail extends ListedOrder {
  /** Whether its buyer may cancel it, or tickets of it, now. */
  may_cancel: boolean;
  /** Null for the organizer, and when there is nothing to pay. */
  payment: Payment | null;
  refunds: Refund[];
  /** What it holds or has. */
  seats: OrderedSeat[];
  tickets: OrderedTicket[];
}

/** An order of an event, as its organizer sees it. */
export interface EventOrder extends Order {
  buyer_name: string | null;
}

/** What cancelling gives back. */
export interface OrderCancellationPreview {
  cancelled_by: NonNullable<Order['cancelled_by']>;
  /** Empty for an order that is not paid: it ends whole. */
  ticket_ids: Uuid[];
  currency: Currency;
  refund_amount: Minor;
}

export interface OrderCancellation extends OrderCancellationPreview {
  order_id: Uuid;
  status: OrderStatus;
  /** Null when nothing goes back. */
  refund_id: Uuid | null;
}

/** A seat of an event. */
export interface Seat extends Pick<Tables['seats'], 'id' | 'number' | 'position' | 'kind' | 'status'> {
  /** On sale, and nobody has or holds it. */
  is_free: boolean;
}

/** A row of seats. */
export interface SeatRow
  extends Pick<Tables['seat_rows'], 'id' | 'event_id' | 'class_id' | 'section' | 'row_label' | 'rank'> {
  seats: Seat[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    my_orders: ListedOrder;
    order_detail: OrderDetail;
    event_orders: EventOrder;
    cancel_order_preview: OrderCancellationPreview;
    cancel_order: OrderCancellation;
    add_seat_row: SeatRow;
    seat_map: SeatRow;
  }
}
