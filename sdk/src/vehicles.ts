import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { type Camel, type Snake, snakeKeys } from './core/names.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import { valueOr } from './core/rows.ts';
import type { Like } from './core/shapes.ts';
import type { Functions } from './generated/database.ts';
import type { RequiredLicence } from './licences-rows.ts';
import type { MediaFiles } from './media.ts';
import { type Result, succeed } from './result.ts';
import { type Instant, toTimestamp } from './time.ts';
import type { CalendarDay, Minor, Uuid } from './values.ts';
import type {
  BusyPeriod,
  CalendarEntry,
  CalendarLink,
  DayPrice,
  EligibilityReason,
  ExternalCalendar,
  Favourite,
  Feature,
  NewVehicle,
  OpenHours,
  ReadCalendar,
  UnavailableReason,
  Vehicle,
  VehicleChanges,
  VehicleDetail,
  VehicleDocument,
  VehicleFacet,
  VehicleHit,
  VehicleHours,
  VehicleImage,
  WeekdayHours,
} from './vehicles-rows.ts';

type FilterArgs = Camel<Omit<Functions['vehicle_facets']['args'], 'starts_at' | 'ends_at'>>;

/**
 * What a vehicle must be, where, and when free. What is named as a column is compared with it. The area is a circle around
 * `lat` and `lng`, or a box. With a box, the point only says from where distances are measured.
 */
export interface VehicleFilters extends Like<FilterArgs, Camel<Partial<Vehicle>>> {
  lat?: number;
  lng?: number;
  /** 100 to 100000 metres. Default 5000, and none with a box. */
  radiusM?: number;
  /** The box: all four or none. Its corners are at most 150 km from its middle. */
  minLat?: number;
  /** Above `maxLng` in a box that crosses the 180th meridian. */
  minLng?: number;
  maxLat?: number;
  maxLng?: number;
  startsAt: Instant;
  endsAt: Instant;
  /** Price of a day, minor units. */
  minPrice?: Minor;
  maxPrice?: Minor;
  /** All of them must be there. At most 10. */
  features?: string[];
  /** Only vehicles that need no answer of the host. */
  instantOnly?: boolean;
  /** Only vehicles that the host brings. */
  deliveryOnly?: boolean;
  /** 0 to 5. */
  minRating?: number;
  /** Words of brand, model, title or city, with or without diacritics. At most 100 characters. */
  query?: string;
}

/** A search, its order, and what else its rows say. */
export interface VehicleSearch extends VehicleFilters, PageOptions {
  /** Also answers what is in the way of the caller (`reasons`), such as `licence_required`. Default false. */
  withReasons?: boolean;
  /** `price` is the one of a day, `total` what the period costs (`total_amount`). Default `distance`. */
  sort?: 'distance' | 'price' | 'rating' | 'total';
  /** Also answers the addresses of the first photos, medium-sized (`cover_url`), by one request for the whole page. Default false. */
  coverUrls?: boolean;
}

/** The arguments of a search. */
export function filterArgs<T extends Pick<VehicleFilters, 'startsAt' | 'endsAt'>>({
  startsAt,
  endsAt,
  ...filters
}: T): Snake<Omit<T, 'startsAt' | 'endsAt'>> & { starts_at: string; ends_at: string } {
  return { ...snakeKeys(filters), starts_at: toTimestamp(startsAt), ends_at: toTimestamp(endsAt) };
}

/** Vehicles: finding one, and listing one's own. */
export class Vehicles {
  readonly #calls: Calls;
  readonly #media: MediaFiles;

  constructor(calls: Calls, media: MediaFiles) {
    this.#calls = calls;
    this.#media = media;
  }

  /**
   * Vehicles that are free for the whole period, with what it costs (`total_amount`).
   * Errors: `invalid_input`, `period_invalid`, `period_in_past`, `period_too_long`, `rate_limited`.
   *
   * @example
   * ```ts
   * const search = { lat: 21.0285, lng: 105.8542, startsAt, endsAt, coverUrls: true };
   * const { data: page, error } = await journey.vehicles.search(search);
   * const { data: following } = await journey.vehicles.search({ ...search, after: page?.next });
   * ```
   */
  search(search: VehicleSearch, options?: CallOptions): List<VehicleHit> {
    const { coverUrls, after, pageSize, ...filters } = search;
    const read = async (page_size: number, place?: Pick<VehicleHit, 'cursor'>) => {
      const args = { ...filterArgs(filters), after: place?.cursor, page_size };
      const found = await this.#calls.rpc('search_vehicles', args, options);
      return found.error || !coverUrls ? found : succeed(await this.#withCovers(found.data, options));
    };
    return readList({ by: ['cursor'], longest: 50, read }, { after, pageSize }, options);
  }

  /**
   * How many vehicles each value of a filter would leave, and how many the search finds (facet `total`). A filter does not
   * narrow its own values.
   * Errors: `invalid_input`, `period_invalid`, `period_in_past`, `period_too_long`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: facets } = await journey.vehicles.facets(search);
   * const fuels = facets?.filter(({ facet }) => facet === 'fuel'); // [{ facet: 'fuel', value: 'petrol', vehicles: 31 }, …]
   * ```
   */
  facets(filters: VehicleFilters, options?: CallOptions): Promise<Result<VehicleFacet[]>> {
    return this.#calls.rpc('vehicle_facets', filterArgs(filters), options);
  }

  /** A page without its pictures is better than none. */
  async #withCovers(hits: VehicleHit[], options?: CallOptions): Promise<VehicleHit[]> {
    const covers = hits.map(({ cover_bucket: bucket, cover_path: path }) =>
      bucket && path ? { bucket, path } : null,
    );
    const { data: urls } = await this.#media.signedUrls(covers, { ...options, size: 'medium' });
    return hits.map((hit, i) => ({ ...hit, cover_url: urls?.[i] ?? null }));
  }

  /**
   * A listing with photos, features and host.
   * Errors: `vehicle_not_found`.
   */
  async get(vehicleId: Uuid, options?: CallOptions): Promise<Result<VehicleDetail>> {
    const result = await this.#calls.rpc('vehicle_detail', { vehicle_id: vehicleId }, options);
    return valueOr(result, 'vehicle_not_found', options);
  }

  /**
   * The classes of driver licences that open a vehicle; one of them is enough.
   * Errors: `vehicle_not_found`.
   */
  requiredLicences(vehicleId: Uuid, options?: CallOptions): Promise<Result<RequiredLicence[]>> {
    return this.#calls.rpc('required_licences', { vehicle_id: vehicleId }, options);
  }

  /**
   * When a vehicle is taken, buffers included; at most 400 days.
   * Errors: `vehicle_not_found`, `invalid_input`.
   */
  calendar(
    input: { vehicleId: Uuid; from: Instant; to: Instant },
    options?: CallOptions,
  ): Promise<Result<BusyPeriod[]>> {
    const args = {
      vehicle_id: input.vehicleId,
      from_at: toTimestamp(input.from),
      to_at: toTimestamp(input.to),
    };
    return this.#calls.rpc('vehicle_calendar', args, options);
  }

  /**
   * What 24 hours cost on each of these days of the listing's own calendar (`YYYY-MM-DD`, both included, at most 400),
   * and why: a price of the day or of the weekday, the weekend, or the listing.
   * Errors: `vehicle_not_found`, `invalid_input`.
   */
  prices(
    input: { vehicleId: Uuid; fromDay: string; toDay: string },
    options?: CallOptions,
  ): Promise<Result<DayPrice[]>> {
    const args = { vehicle_id: input.vehicleId, from_day: input.fromDay, to_day: input.toDay };
    return this.#calls.rpc('price_calendar', args, options);
  }

  /**
   * Host: sets what 24 hours cost on each of these days (`YYYY-MM-DD`, both included, at most 400), such as holidays.
   * Without a price they have their usual one again. Quotes that were made keep theirs. Answers how many days changed.
   * Errors: `vehicle_not_found`, `invalid_input`.
   *
   * @example
   * ```ts
   * await journey.vehicles.setDayPrices({ vehicleId, fromDay: '2027-02-05', toDay: '2027-02-11', pricePerDay: 1_500_000 });
   * ```
   */
  setDayPrices(
    input: { vehicleId: Uuid; fromDay: string; toDay: string; pricePerDay?: Minor },
    options?: CallOptions,
  ): Promise<Result<number>> {
    const args = {
      vehicle_id: input.vehicleId,
      from_day: input.fromDay,
      to_day: input.toDay,
      price_per_day: input.pricePerDay,
    };
    return this.#calls.rpc('set_day_prices', args, options);
  }

  /**
   * Host: sets what 24 hours cost on a day of the week, 1 for Monday to 7 for Sunday, in place of the listing's price and its
   * weekend extra. Without a price it has its usual one again.
   * Errors: `vehicle_not_found`, `invalid_input`.
   */
  setWeekdayPrice(
    input: { vehicleId: Uuid; weekday: number; pricePerDay?: Minor },
    options?: CallOptions,
  ): Promise<Result<null>> {
    const args = {
      vehicle_id: input.vehicleId,
      weekday: input.weekday,
      price_per_day: input.pricePerDay,
    };
    return this.#calls.rpc('set_weekday_price', args, options);
  }

  /**
   * What is in the way of having a vehicle for a period, with the times that are taken or closed, never by whom. Empty:
   * it can be had.
   * Errors: `vehicle_not_found`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: reasons } = await journey.vehicles.explainUnavailable({ vehicleId, startsAt, endsAt });
   * // [{ reason: 'booked', code: 'vehicle_unavailable', starts_at: '…', ends_at: '…', message_en: '…' }]
   * ```
   */
  explainUnavailable(
    input: { vehicleId: Uuid; startsAt: Instant; endsAt: Instant },
    options?: CallOptions,
  ): Promise<Result<UnavailableReason[]>> {
    const args = {
      vehicle_id: input.vehicleId,
      starts_at: toTimestamp(input.startsAt),
      ends_at: toTimestamp(input.endsAt),
    };
    return this.#calls.rpc('explain_unavailable', args, options);
  }

  /**
   * At which hours a vehicle can be rented at all.
   * Errors: `vehicle_not_found`.
   */
  hours(vehicleId: Uuid, options?: CallOptions): Promise<Result<VehicleHours>> {
    return this.#calls.rpc('vehicle_hours', { vehicle_id: vehicleId }, options);
  }

  /** The features that a listing may name, in the order of a form. */
  features(options?: CallOptions): Promise<Result<Feature[]>> {
    return this.#calls.rpc('feature_catalogue', {}, options);
  }

  /**
   * The vehicles that the signed-in person likes, the last liked first.
   * Errors: `invalid_input`.
   */
  favourites(page: PageOptions = {}, options?: CallOptions): List<Favourite> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_favourites', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Likes a vehicle, or no longer.
   * Errors: `vehicle_not_found`, `too_many_favourites` (details.limit), `invalid_input`.
   */
  setFavourite(vehicleId: Uuid, isFavourite: boolean, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('set_favourite', { vehicle_id: vehicleId, is_favourite: isFavourite }, options);
  }

  /**
   * All reasons why the caller can't book it then, at once, with what to do about each. Empty: it can be booked. The
   * first is the one that a quote or booking is refused with.
   * Errors: `vehicle_not_found`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: reasons } = await journey.vehicles.eligibility({ vehicleId, startsAt, endsAt });
   * for (const { code, message_vi } of reasons ?? []) show(code, message_vi);
   * ```
   */
  eligibility(
    input: { vehicleId: Uuid; startsAt: Instant; endsAt: Instant },
    options?: CallOptions,
  ): Promise<Result<EligibilityReason[]>> {
    const args = {
      vehicle_id: input.vehicleId,
      starts_at: toTimestamp(input.startsAt),
      ends_at: toTimestamp(input.endsAt),
    };
    return this.#calls.rpc('booking_eligibility', args, options);
  }

  /**
   * The signed-in host's listings in every state, newest first.
   * Errors: `invalid_input`.
   */
  mine(page: PageOptions = {}, options?: CallOptions): List<Vehicle> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_vehicles', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Creates a draft listing of the caller.
   * Errors: `invalid_input`, `unknown_field`, `account_suspended`, `rate_limited`.
   *
   * @example
   * ```ts
   * await journey.vehicles.create({
   *   kind: 'car', brand: 'VinFast', model: 'VF 6', year: 2024, seats: 5, transmission: 'automatic', fuel: 'electric',
   *   title: 'VF 6, like new', city: 'Hà Nội', price_per_hour: 90000, price_per_day: 800000,
   *   lat: 21.0285, lng: 105.8542, address: '1 Tràng Tiền, Hoàn Kiếm', plate: '30A-123.45',
   * });
   * ```
   */
  create(details: NewVehicle, options?: CommandOptions): Promise<Result<Vehicle>> {
    return this.#calls.rpc('create_vehicle', { details }, options);
  }

  /**
   * Changes the named fields. A change of what was reviewed sends a published listing back to review.
   * Errors: `vehicle_not_found`, `invalid_input`, `unknown_field`, `illegal_transition`.
   */
  update(vehicleId: Uuid, changes: VehicleChanges, options?: CallOptions): Promise<Result<Vehicle>> {
    return this.#calls.rpc('update_vehicle', { vehicle_id: vehicleId, details: changes }, options);
  }

  /**
   * Submits a draft for review.
   * Errors: `vehicle_not_found`, `vehicle_incomplete` (details.missing), `illegal_transition`,
   * `account_suspended`.
   */
  submit(vehicleId: Uuid, options?: CallOptions): Promise<Result<Vehicle>> {
    return this.#calls.rpc('submit_vehicle', { vehicle_id: vehicleId }, options);
  }

  /**
   * At which hours of the week a vehicle of the caller can be rented, in its time zone. A rental must lie within them as a whole. A
   * weekday that is left out is closed; null is open all the time.
   * Errors: `vehicle_not_found`, `invalid_input`.
   *
   * @example
   * ```ts
   * // from Friday, 18:00, to Sunday, 24:00
   * const whole = { opens: '00:00', closes: '24:00' };
   * const weekly = [
   *   { weekday: 5, hours: [{ opens: '18:00', closes: '24:00' }] },
   *   { weekday: 6, hours: [whole] },
   *   { weekday: 7, hours: [whole] },
   * ];
   * await journey.vehicles.setHours(vehicleId, weekly);
   * ```
   */
  setHours(
    vehicleId: Uuid,
    weekly: WeekdayHours[] | null,
    options?: CallOptions,
  ): Promise<Result<VehicleHours>> {
    return this.#calls.rpc('set_vehicle_hours', { vehicle_id: vehicleId, weekly }, options);
  }

  /**
   * The hours of one day, in place of those of the week: none is closed, null follows the week again.
   * Errors: `vehicle_not_found`, `invalid_input`.
   */
  setDay(
    input: { vehicleId: Uuid; day: CalendarDay; hours: OpenHours[] | null },
    options?: CallOptions,
  ): Promise<Result<VehicleHours>> {
    const args = { vehicle_id: input.vehicleId, day: input.day, hours: input.hours };
    return this.#calls.rpc('set_vehicle_day', args, options);
  }

  /**
   * Submits the inspection or insurance of a vehicle of the caller for a review: its last day, and an upload of purpose
   * `vehicle_document`. No rental goes beyond the last day of what was verified.
   * Errors: `vehicle_not_found`, `media_not_found`, `media_not_ready`, `invalid_input`.
   */
  submitDocument(
    input: { vehicleId: Uuid; kind: VehicleDocument['kind']; validUntil: CalendarDay; mediaId: Uuid },
    options?: CallOptions,
  ): Promise<Result<VehicleDocument>> {
    const args = {
      vehicle_id: input.vehicleId,
      kind: input.kind,
      valid_until: input.validUntil,
      media_id: input.mediaId,
    };
    return this.#calls.rpc('submit_vehicle_document', args, options);
  }

  /** The papers of a vehicle of the caller, the newest first. */
  documents(vehicleId: Uuid, options?: CallOptions): Promise<Result<VehicleDocument[]>> {
    return this.#calls.rpc('my_vehicle_documents', { of_vehicle_id: vehicleId }, options);
  }

  /**
   * Makes the address at which other calendars read when a vehicle of the caller is taken. Who has it sees times only. It is shown
   * this once, and ends the earlier one.
   * Errors: `vehicle_not_found`, `rate_limited`.
   */
  createCalendarLink(vehicleId: Uuid, options?: CallOptions): Promise<Result<CalendarLink>> {
    return this.#calls.rpc('create_calendar_link', { vehicle_id: vehicleId }, options);
  }

  /**
   * Ends the address of the calendar of a vehicle of the caller.
   * Errors: `vehicle_not_found`.
   */
  deleteCalendarLink(vehicleId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('delete_calendar_link', { vehicle_id: vehicleId }, options);
  }

  /**
   * Lets a calendar elsewhere (iCal) block a vehicle of the caller. It is read at once and then every half hour.
   * Errors: `vehicle_not_found`, `too_many_calendars` (details.limit), `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const url = 'https://calendars.example/vehicle.ics';
   * await journey.vehicles.addExternalCalendar({ vehicleId, name: 'Another site', url });
   * const { data: calendars } = await journey.vehicles.externalCalendars(vehicleId); // with their conflicts
   * ```
   */
  addExternalCalendar(
    input: { vehicleId: Uuid; name: string; url: string },
    options?: CallOptions,
  ): Promise<Result<ExternalCalendar>> {
    const args = { vehicle_id: input.vehicleId, name: input.name, url: input.url };
    return this.#calls.rpc('add_external_calendar', args, options);
  }

  /** The calendars elsewhere that block a vehicle of the caller, and where they clash with bookings here. */
  externalCalendars(vehicleId: Uuid, options?: CallOptions): Promise<Result<ReadCalendar[]>> {
    return this.#calls.rpc('my_external_calendars', { of_vehicle_id: vehicleId }, options);
  }

  /**
   * Removes a calendar elsewhere, and what it took.
   * Errors: `external_calendar_not_found`.
   */
  removeExternalCalendar(calendarId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('remove_external_calendar', { calendar_id: calendarId }, options);
  }

  /**
   * Removes a listing for good. Its bookings stay.
   * Errors: `vehicle_not_found`, `illegal_transition` (it is suspended).
   */
  archive(vehicleId: Uuid, options?: CallOptions): Promise<Result<Vehicle>> {
    return this.#calls.rpc('archive_vehicle', { vehicle_id: vehicleId }, options);
  }

  /**
   * Shows an upload of purpose `vehicle_image` at position 0 (the cover) to 19, in place of what was there.
   * Errors: `vehicle_not_found`, `media_not_found`, `media_not_ready`, `invalid_input`.
   */
  addImage(
    input: { vehicleId: Uuid; mediaId: Uuid; position: number },
    options?: CallOptions,
  ): Promise<Result<VehicleImage>> {
    const args = { vehicle_id: input.vehicleId, media_id: input.mediaId, at_position: input.position };
    return this.#calls.rpc('add_vehicle_image', args, options);
  }

  /**
   * Removes a photo from a listing.
   * Errors: `vehicle_not_found`, `vehicle_incomplete`.
   */
  removeImage(input: { vehicleId: Uuid; mediaId: Uuid }, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc(
      'remove_vehicle_image',
      { vehicle_id: input.vehicleId, media_id: input.mediaId },
      options,
    );
  }

  /**
   * What takes a vehicle of the caller, in order, with the ids that `unblock` takes; at most 400 days.
   * Errors: `vehicle_not_found`, `invalid_input`.
   */
  entries(
    input: { vehicleId: Uuid; from: Instant; to: Instant },
    options?: CallOptions,
  ): Promise<Result<CalendarEntry[]>> {
    const args = {
      vehicle_id: input.vehicleId,
      from_at: toTimestamp(input.from),
      to_at: toTimestamp(input.to),
    };
    return this.#calls.rpc('my_calendar', args, options);
  }

  /**
   * Keeps a period free of bookings.
   * Errors: `vehicle_not_found`, `vehicle_unavailable`, `period_invalid`, `period_in_past`,
   * `period_too_long`, `invalid_input`.
   */
  block(
    input: { vehicleId: Uuid; startsAt: Instant; endsAt: Instant; kind?: 'host_block' | 'maintenance' },
    options?: CallOptions,
  ): Promise<Result<CalendarEntry>> {
    return this.#calls.rpc(
      'block_period',
      {
        vehicle_id: input.vehicleId,
        starts_at: toTimestamp(input.startsAt),
        ends_at: toTimestamp(input.endsAt),
        kind: input.kind,
      },
      options,
    );
  }

  /**
   * Opens a blocked period again.
   * Errors: `not_found`.
   */
  unblock(entryId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('unblock_period', { entry_id: entryId }, options);
  }
}
