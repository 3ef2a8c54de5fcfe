import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type {
  CapacityPool,
  EventAvailability,
  EventCancellation,
  EventConfig,
  EventConfigChanges,
  EventDetail,
  EventDetails,
  EventHit,
  EventStatus,
  EventToReview,
  FavouriteEvent,
  NewTicketClass,
  TicketClass,
  TicketClassChanges,
  TicketEvent,
  TrendingEvent,
} from './events-rows.ts';
import type { Seat, SeatRow } from './orders-rows.ts';
import type { Organizer } from './organizers-rows.ts';
import {
  AvailabilityFeed,
  type EventSubscription,
  type EventWatchHandlers,
  type EventWatchOptions,
} from './realtime/availability-feed.ts';
import { type Result, succeed } from './result.ts';
import { type Instant, toTimestamp } from './time.ts';
import type { Uuid } from './values.ts';

/** Which events; what is absent does not matter. */
export interface EventSearch extends PageOptions {
  /** Words of title, venue and city, with or without diacritics. At most 100 characters. */
  query?: string;
  city?: string;
  /** A `category` of `event_categories`. */
  category?: string;
  /** Events that overlap this time. Default: from now on. */
  from?: Instant;
  to?: Instant;
  /** Both or neither. */
  lat?: number;
  lng?: number;
  /** 100 to 200000 metres. Default 20000. */
  radiusM?: number;
}

/** Events: finding one, and holding one. */
export class Events {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Published public events that are not over, soonest first.
   * Errors: `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.events.search({ query: 'nhac jazz', city: 'Hà Nội', category: 'music' });
   * ```
   */
  search(search: EventSearch = {}, options?: CallOptions): List<EventHit> {
    const { after, pageSize, from, to, radiusM, ...rest } = search;
    const filters = {
      ...rest,
      radius_m: radiusM,
      from_at: from === undefined ? undefined : toTimestamp(from),
      to_at: to === undefined ? undefined : toTimestamp(to),
    };
    const read = (page_size: number, place?: object) =>
      this.#calls.rpc('search_events', { ...filters, after: place, page_size }, options);
    return readList({ by: ['starts_at', 'id'], read }, { after, pageSize }, options);
  }

  /**
   * Published public events that people want at this time, most wanted first: buyers, places on waiting lists and
   * favourites, each person once, half as much after two days.
   * Errors: `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.events.trending({ city: 'Hà Nội', category: 'music', pageSize: 10 });
   * ```
   */
  trending(
    input: { city?: string; category?: string } & PageOptions = {},
    options?: CallOptions,
  ): List<TrendingEvent> {
    const { after, pageSize, ...filters } = input;
    const read = (page_size: number, place?: object) =>
      this.#calls.rpc('trending_events', { ...filters, after: place, page_size }, options);
    return readList({ by: ['trend_at', 'id'], read }, { after, pageSize }, options);
  }

  /**
   * The signed-in person's favourite events, the last liked first.
   * Errors: `invalid_input`.
   */
  favourites(page: PageOptions = {}, options?: CallOptions): List<FavouriteEvent> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_event_favourites', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Makes a published event a favourite, or no longer.
   * Errors: `event_not_found`, `too_many_event_favourites` (details.limit), `invalid_input`.
   */
  setFavourite(input: { eventId: Uuid; isFavourite: boolean }, options?: CallOptions): Promise<Result<null>> {
    const args = { event_id: input.eventId, is_favourite: input.isFavourite };
    return this.#calls.rpc('set_event_favourite', args, options);
  }

  /**
   * An event with its kinds of tickets and what is left of each. `unlockCode` shows hidden ones.
   * Errors: `event_not_found`.
   */
  get(eventId: Uuid, options?: CallOptions & { unlockCode?: string }): Promise<Result<EventDetail>> {
    const args = { event_id: eventId, unlock_code: options?.unlockCode };
    return this.#calls.rpc('event_detail', args, options);
  }

  /**
   * What can be had of each kind of ticket now, which is less to read than {@link get}. `unlockCode` shows hidden ones.
   * Errors: `event_not_found`.
   */
  availability(
    eventId: Uuid,
    options?: CallOptions & { unlockCode?: string },
  ): Promise<Result<EventAvailability>> {
    const args = { event_id: eventId, unlock_code: options?.unlockCode };
    return this.#calls.rpc('event_availability', args, options);
  }

  /**
   * Follows what can be had of an event while its page is open, and with `onSeats` its seats: live, at most once a second,
   * also for visitors. While the connection is gone it reads from time to time.
   * Errors: `event_not_found`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.events.watch(eventId, {
   *   onChange: ({ classes }) => {
   *     for (const { id, availability, price } of classes) console.log(id, availability, price);
   *   },
   * });
   * page?.unsubscribe();
   * ```
   */
  async watch(
    eventId: Uuid,
    handlers: EventWatchHandlers,
    options: EventWatchOptions = {},
  ): Promise<Result<EventSubscription>> {
    const { unlockCode, section } = options;
    const feed = new AvailabilityFeed(
      this.#calls.client,
      {
        eventId,
        read: () => this.availability(eventId, { unlockCode }),
        readSeats: () => this.seatMap({ eventId, section }),
        closing: this.#calls.closing,
      },
      handlers,
      options,
    );
    const started = await feed.start();
    return started.error ? started : succeed(feed);
  }

  /**
   * The events of an organizer, newest first, for its admins, editors and viewers.
   * Errors: `organizer_not_found`, `forbidden`, `invalid_input`.
   */
  list(
    input: { organizerId: Uuid; statuses?: EventStatus[] } & PageOptions,
    options?: CallOptions,
  ): List<TicketEvent> {
    const { organizerId, statuses, after, pageSize } = input;
    const read = (page_size: number, place?: object) =>
      this.#calls.rpc(
        'organizer_events',
        { organizer_id: organizerId, statuses, after: place, page_size },
        options,
      );
    return readList({ by: byCreation, read }, { after, pageSize }, options);
  }

  /**
   * Admin or editor: makes a draft.
   * Errors: `organizer_not_found`, `forbidden`, `account_suspended`, `invalid_input`, `unknown_field`,
   * `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: event } = await journey.events.create(organizerId, {
   *   title: 'Đêm nhạc mùa đông', category: 'music', venue: 'Nhà hát Lớn', address: '1 Tràng Tiền', city: 'Hà Nội',
   *   starts_at: '2026-12-24T20:00:00+07:00', ends_at: '2026-12-24T22:30:00+07:00',
   * });
   * ```
   */
  create(organizerId: Uuid, details: EventDetails, options?: CommandOptions): Promise<Result<TicketEvent>> {
    return this.#calls.rpc('create_event', { organizer_id: organizerId, details }, options);
  }

  /**
   * Admin or editor: changes details; once published, only `description`. An approved event goes back to configured.
   * Errors: `event_not_found`, `forbidden`, `event_not_editable` (details.field), `invalid_input`,
   * `unknown_field`.
   */
  update(eventId: Uuid, changes: Partial<EventDetails>, options?: CallOptions): Promise<Result<TicketEvent>> {
    return this.#calls.rpc('update_event', { event_id: eventId, details: changes }, options);
  }

  /**
   * Admin or editor: says how it is sold, before and during the sale. A draft then waits for approval.
   * Errors: `event_not_found`, `forbidden`, `event_not_editable`, `invalid_input`, `unknown_field`.
   */
  configure(eventId: Uuid, config: EventConfigChanges, options?: CallOptions): Promise<Result<EventConfig>> {
    return this.#calls.rpc('configure_event', { event_id: eventId, details: config }, options);
  }

  /**
   * Approves a configured event or sends it back to draft with a reason: staff; or an admin of the organizer, where the
   * platform need not approve.
   * Errors: `event_not_found`, `forbidden`, `illegal_transition`, `invalid_input`.
   */
  review(
    input: { eventId: Uuid; approve: boolean; reason?: string },
    options?: CallOptions,
  ): Promise<Result<TicketEvent>> {
    const args = { event_id: input.eventId, approve: input.approve, reason: input.reason };
    return this.#calls.rpc('review_event', args, options);
  }

  /**
   * Admin or editor: publishes an approved event.
   * Errors: `event_not_found`, `forbidden`, `account_suspended`, `illegal_transition`, `event_incomplete`
   * (details.missing).
   */
  publish(eventId: Uuid, options?: CallOptions): Promise<Result<TicketEvent>> {
    return this.#calls.rpc('publish_event', { event_id: eventId }, options);
  }

  /**
   * Admin of the organizer: puts an event off, without another date for now. Tickets stay valid, every holder is told the
   * `reason` (3 to 500 characters), and buyers may return theirs for what they paid. May be repeated.
   * Errors: `event_not_found`, `forbidden`, `illegal_transition`, `invalid_input`.
   */
  postpone(input: { eventId: Uuid; reason: string }, options?: CallOptions): Promise<Result<TicketEvent>> {
    return this.#calls.rpc('postpone_event', { event_id: input.eventId, reason: input.reason }, options);
  }

  /**
   * Admin of the organizer: another date or place for an event that is published or postponed. Every holder is told, and
   * until `returns_until` buyers may return tickets for what they paid. May be repeated.
   * Errors: `event_not_found`, `forbidden`, `illegal_transition`, `event_not_editable` (details.field),
   * `invalid_input`, `unknown_field`.
   */
  reschedule(
    eventId: Uuid,
    changes: Partial<
      Pick<EventDetails, 'starts_at' | 'ends_at' | 'time_zone' | 'venue' | 'address' | 'city' | 'lat' | 'lng'>
    >,
    options?: CallOptions,
  ): Promise<Result<TicketEvent>> {
    return this.#calls.rpc('reschedule_event', { event_id: eventId, details: changes }, options);
  }

  /**
   * Owner of the organizer, or admin: cancels an event that is not over, for everybody. Sale, waiting room, holds and tickets
   * end at once; every completed order is refunded what was really paid, in parts that a job goes on with. `reason` has 3
   * to 500 characters. Answers the report of this moment. May be repeated.
   * Errors: `event_not_found`, `forbidden`, `illegal_transition` (it is over), `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: report } = await journey.events.cancel({ eventId, reason: 'The singer is ill' });
   * if (report?.finished_at === null) setTimeout(() => journey.events.cancellation(eventId), 60_000);
   * ```
   */
  cancel(
    input: { eventId: Uuid; reason: string },
    options?: CallOptions,
  ): Promise<Result<EventCancellation>> {
    return this.#calls.rpc('cancel_event', { event_id: input.eventId, reason: input.reason }, options);
  }

  /**
   * The report on a cancelled event, for the team of the organizer and staff: orders, tickets and money, and what is held back.
   * Errors: `event_not_found`, `event_not_cancelled`.
   */
  cancellation(eventId: Uuid, options?: CallOptions): Promise<Result<EventCancellation>> {
    return this.#calls.rpc('event_cancellation', { event_id: eventId }, options);
  }

  /**
   * Admin or editor: adds a kind of ticket.
   * Errors: `event_not_found`, `forbidden`, `event_not_editable`, `invalid_input`, `unknown_field`.
   */
  addClass(eventId: Uuid, details: NewTicketClass, options?: CommandOptions): Promise<Result<TicketClass>> {
    return this.#calls.rpc('add_ticket_class', { event_id: eventId, details }, options);
  }

  /**
   * Admin or editor: changes a kind of ticket, also during the sale. Orders keep their price.
   * Errors: `ticket_class_not_found`, `event_not_found`, `forbidden`, `event_not_editable`, `invalid_input`,
   * `unknown_field`.
   */
  updateClass(
    classId: Uuid,
    changes: TicketClassChanges,
    options?: CallOptions,
  ): Promise<Result<TicketClass>> {
    return this.#calls.rpc('update_ticket_class', { class_id: classId, details: changes }, options);
  }

  /**
   * Admin or editor: raises or lowers how many tickets of a kind there are, also during the sale.
   * Errors: `ticket_class_not_found`, `event_not_found`, `forbidden`, `event_not_editable`,
   * `capacity_below_sold` (details.least), `invalid_input`.
   */
  setTotal(input: { classId: Uuid; total: number }, options?: CallOptions): Promise<Result<TicketClass>> {
    return this.#calls.rpc('set_ticket_total', { class_id: input.classId, total: input.total }, options);
  }

  /**
   * Admin or editor: makes or changes, by its name, stock that several kinds of tickets share.
   * Errors: `event_not_found`, `forbidden`, `event_not_editable`, `ticket_class_has_sales`
   * (details.class_id), `capacity_below_sold` (details.least), `invalid_input`.
   */
  setPool(
    input: { eventId: Uuid; name: string; capacity: number; classIds: Uuid[] },
    options?: CallOptions,
  ): Promise<Result<CapacityPool>> {
    const args = {
      event_id: input.eventId,
      name: input.name,
      capacity: input.capacity,
      class_ids: input.classIds,
    };
    return this.#calls.rpc('set_capacity_pool', args, options);
  }

  /**
   * The rows of seats of an event or of one section, with each seat and whether it is free now; at most 500 rows.
   * Errors: `event_not_found`.
   */
  seatMap(input: { eventId: Uuid; section?: string }, options?: CallOptions): Promise<Result<SeatRow[]>> {
    const args = { event_id: input.eventId, section: input.section };
    return this.#calls.rpc('seat_map', args, options);
  }

  /**
   * Admin or editor: adds a row of 1 to 200 seats to a kind of ticket with seats, whose total grows by them. A gap in
   * `position` is an aisle. Rows of a smaller `rank` are sold first.
   * Errors: `ticket_class_not_found`, `event_not_found`, `forbidden`, `event_not_editable`,
   * `capacity_below_sold`, `invalid_input`.
   */
  addSeatRow(
    input: {
      classId: Uuid;
      section: string;
      rowLabel: string;
      rank: number;
      seats: { number: string; position?: number; kind?: Seat['kind'] }[];
    },
    options?: CallOptions,
  ): Promise<Result<SeatRow>> {
    const args = {
      class_id: input.classId,
      section: input.section,
      row_label: input.rowLabel,
      rank: input.rank,
      seats: input.seats,
    };
    return this.#calls.rpc('add_seat_row', args, options);
  }

  /**
   * Admin or editor: takes seats of one kind of ticket out of the sale (`held`, `killed`) or puts them back (`open`).
   * Answers how many changed.
   * Errors: `ticket_class_not_found`, `event_not_found`, `forbidden`, `event_not_editable`, `seat_taken`
   * (details.seat_ids), `capacity_below_sold` (details.least), `invalid_input`.
   */
  setSeats(
    input: { seatIds: Uuid[]; status: Seat['status'] },
    options?: CallOptions,
  ): Promise<Result<number>> {
    return this.#calls.rpc('set_seats', { seat_ids: input.seatIds, status: input.status }, options);
  }
}

/** What the platform's staff does about events and organizers. */
export class AdminEvents {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Configured events, which wait for approval, oldest first. `journey.events.review` decides.
   * Errors: `forbidden`, `invalid_input`.
   */
  toReview(page: PageOptions = {}, options?: CallOptions): List<EventToReview> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('events_to_review', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Says whether the platform has verified an organizer. New events of a verified one need no approval.
   * Errors: `forbidden`, `organizer_not_found`, `invalid_input`.
   */
  verifyOrganizer(
    input: { organizerId: Uuid; verified: boolean },
    options?: CallOptions,
  ): Promise<Result<Organizer>> {
    const args = { organizer_id: input.organizerId, verified: input.verified };
    return this.#calls.rpc('verify_organizer', args, options);
  }
}
