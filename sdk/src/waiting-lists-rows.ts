import type { EventStatus } from './events-rows.ts';
import type { StateOf } from './generated/states.ts';
import type { Currency, Minor, Timestamp, Uuid } from './values.ts';

/** `waiting`, `offered` (order until `offer_expires_at`), then `accepted`, `declined`, `lapsed`, `left` or `closed`. */
export type WaitingPlaceStatus = StateOf<'waiting_list_entry'>;

/** A place on a waiting list, as its person sees it. */
export interface WaitingPlace {
  id: Uuid;
  event_id: Uuid;
  event_title: string;
  event_status: EventStatus;
  starts_at: Timestamp;
  time_zone: string;
  class_id: Uuid;
  class_name: string;
  /** Of one ticket. */
  price: Minor;
  currency: Currency;
  quantity: number;
  /** In the state of now: an offer is over at its time. */
  status: WaitingPlaceStatus;
  /** From 1 on. Null when it does not wait. */
  position: number | null;
  /** Until when an order takes the offer. Null before an offer. */
  offer_expires_at: Timestamp | null;
  /** The order that took the offer. */
  order_id: Uuid | null;
  created_at: Timestamp;
}

/** How many people wait for a kind of ticket. */
export interface WaitingList {
  class_id: Uuid;
  name: string;
  people: number;
  /** How many tickets they want. */
  tickets: number;
  /** How many tickets are offered now. */
  offered: number;
}

declare module './core/shapes.ts' {
  interface Shapes {
    join_waiting_list: WaitingPlace;
    leave_waiting_list: WaitingPlace;
    my_waiting_places: WaitingPlace;
    event_waiting_lists: WaitingList;
  }
}
