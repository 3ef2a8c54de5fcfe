import type { Defaults, EventCategoriesRow, EventConfigsRow, Tables } from './generated/database.ts';
import type { Organizer } from './organizers-rows.ts';
import type { Currency, Minor, Timestamp, Uuid } from './values.ts';

/** What tickets are sold for. */
export interface TicketEvent extends Omit<Tables['events'], 'location' | 'search_text' | 'created_by'> {}
export type EventStatus = TicketEvent['status'];

export interface EventCategory extends EventCategoriesRow {}

/** How an event is sold. */
export interface EventConfig extends EventConfigsRow {}

/** A kind of ticket. Prices are minor units of `currency`, tax included. */
export interface TicketClass extends Omit<Tables['ticket_classes'], 'unlock_code'> {}

/** What an organizer says of an event; column names as in {@link TicketEvent}. */
export interface EventDetails
  extends Pick<TicketEvent, 'title' | 'venue' | 'address' | 'city' | 'starts_at' | 'ends_at'>,
    Partial<Pick<TicketEvent, 'description' | 'category' | 'time_zone'>> {
  /** Both or neither. */
  lat?: number | null;
  lng?: number | null;
}

/** What an organizer decides about the sale. */
export type EventConfigChanges = Partial<Omit<EventConfig, 'event_id' | 'requires_approval' | 'updated_at'>>;

type ClassColumn = Exclude<keyof TicketClass, 'id' | 'event_id' | 'currency' | 'created_at' | 'updated_at'>;
type OptionalClassColumn =
  | Extract<ClassColumn, Defaults['ticket_classes']>
  | { [Key in ClassColumn]: null extends TicketClass[Key] ? Key : never }[ClassColumn]
  | 'total';

/** A new kind of ticket; column names as in {@link TicketClass}. `total` is absent with seats. */
export type NewTicketClass = Omit<
  Pick<TicketClass, Exclude<ClassColumn, OptionalClassColumn>> &
    Partial<Pick<TicketClass, OptionalClassColumn>>,
  'is_closed'
> & {
  /** 4 to 40 letters, digits and hyphens: shows and sells a hidden kind. */
  unlock_code?: string | null;
};

/** What changes at a kind of ticket; what is absent stays. */
export type TicketClassChanges = Partial<
  Omit<NewTicketClass, 'total' | 'has_seats'> & Pick<TicketClass, 'is_closed'>
>;

/** When a kind of ticket is sold. */
export interface SaleWindow {
  starts_at: Timestamp | null;
  ends_at: Timestamp | null;
  state: 'not_started' | 'on_sale' | 'over' | 'closed';
}

/** Whether a kind of ticket can be had. */
export type TicketAvailability = 'available' | 'few_left' | 'sold_out';

/** What can be had of one kind of ticket now. */
export interface ClassAvailability {
  id: Uuid;
  price: Minor;
  availability: TicketAvailability;
  /** Null where the organizer does not show it. */
  left: number | null;
  sale: SaleWindow;
}

/** What can be had of an event now. */
export interface EventAvailability {
  event_id: Uuid;
  status: EventStatus;
  classes: ClassAvailability[];
  /** Counts what was broadcast of the event. */
  seq: number;
  /** Of two answers, which is newer. */
  at: Timestamp;
}

/** A kind of ticket with what is left of it. */
export interface OfferedClass extends TicketClass {
  availability: TicketAvailability;
  /** Tickets that can be bought now. Null where the organizer does not show it. */
  left: number | null;
  sale: SaleWindow;
  /** For members of the organizer. */
  unlock_code: string | null;
}

/** Stock that several kinds of tickets share. */
export interface CapacityPool {
  id: Uuid;
  name: string;
  capacity: number;
  class_ids: Uuid[];
}

/** An event with all that its screen needs. */
export interface EventDetail extends TicketEvent {
  lat: number | null;
  lng: number | null;
  config: EventConfig;
  organizer: Pick<Organizer, 'id' | 'name' | 'description' | 'is_verified'>;
  classes: OfferedClass[];
  /** Null for who is no member of the organizer. */
  pools: CapacityPool[] | null;
}

/** One row of a search. */
export interface EventHit
  extends Pick<
    TicketEvent,
    | 'id'
    | 'organizer_id'
    | 'category'
    | 'title'
    | 'venue'
    | 'address'
    | 'city'
    | 'time_zone'
    | 'starts_at'
    | 'ends_at'
  > {
  organizer_name: string;
  lat: number | null;
  lng: number | null;
  /** From the point that was asked for. */
  distance_m: number | null;
  min_price: Minor | null;
  max_price: Minor | null;
  currency: Currency;
  is_sold_out: boolean;
}

/** One row of the events that people want at this time. */
export interface TrendingEvent extends EventHit {
  /** Its place in the order, as a moment, which may be in the future. */
  trend_at: Timestamp;
}

/** An event that the signed-in person likes. */
export interface FavouriteEvent extends EventHit {
  status: EventStatus;
  /** When it was liked. */
  created_at: Timestamp;
}

/** An event that waits for approval. */
export interface EventToReview extends TicketEvent {
  created_by: Uuid;
  organizer_name: string;
}

/** How far the orders of a cancelled event have ended. Amounts are in minor units. */
export interface EventCancellation {
  event_id: Uuid;
  reason: string;
  cancelled_by: 'organizer' | 'admin';
  cancelled_at: Timestamp;
  /** Null while orders wait. */
  finished_at: Timestamp | null;
  orders: { total: number; ended: number; waiting: number; held_back: number };
  tickets: { total: number; ended: number; waiting: number };
  money: {
    currency: Currency;
    total: Minor;
    refunded: Minor;
    on_the_way: Minor;
    /** Waits until the buyer names a bank account. */
    needs_account: Minor;
    failed: Minor;
    /** No refund is ordered yet. */
    waiting: Minor;
  };
  /** Up to 100 orders that a run could not end; it tries again at `retry_at`. */
  held_back: {
    order_id: Uuid;
    code: string;
    amount: Minor;
    error: string;
    attempts: number;
    retry_at: Timestamp;
  }[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    events: TicketEvent;
    ticket_classes: TicketClass;
    event_detail: EventDetail;
    event_availability: EventAvailability;
    search_events: EventHit;
    trending_events: TrendingEvent;
    my_event_favourites: FavouriteEvent;
    organizer_events: TicketEvent;
    events_to_review: EventToReview;
    set_capacity_pool: CapacityPool;
    cancel_event: EventCancellation;
    event_cancellation: EventCancellation;
  }
}
