import type { ReviewClaim } from './admin-rows.ts';
import type { Like, Nullable } from './core/shapes.ts';
import type { Defaults, Rows, Tables } from './generated/database.ts';
import type { PlacedImage } from './media-rows.ts';
import type { PublicProfile } from './profiles-rows.ts';
import type { PublicReview } from './reviews-rows.ts';
import type { CalendarDay, Minor, Timestamp, Uuid } from './values.ts';

/** A listing. Amounts are minor units of `currency`, shares are basis points. */
export interface Vehicle extends Omit<Tables['vehicles'], 'search_text' | 'is_listed'> {}
export type VehicleStatus = Vehicle['status'];
export type VehicleKind = Vehicle['kind'];
export type Transmission = Vehicle['transmission'];
export type Fuel = Vehicle['fuel'];

/** What a host does not set. */
type PlatformColumn =
  | 'id'
  | 'host_id'
  | 'currency'
  | 'status'
  | 'revision'
  | 'rating_average'
  | 'rating_count'
  | 'has_hours'
  | 'papers_until'
  | 'published_at'
  | 'created_at'
  | 'updated_at';
type HostColumn = Exclude<keyof Vehicle, PlatformColumn>;
/** What may be left out: it has a default, or may be null. */
type OptionalColumn =
  | Extract<HostColumn, Defaults['vehicles']>
  | { [Key in HostColumn]: null extends Vehicle[Key] ? Key : never }[HostColumn];

/** Where a vehicle stands. Its host, admins and renters who have it booked see it. */
export interface VehiclePlace extends Pick<Tables['vehicle_locations'], 'address' | 'plate'> {
  lat: number;
  lng: number;
}

/** What a host says of a new listing; column names as in {@link Vehicle}. */
export type NewVehicle = Pick<Vehicle, Exclude<HostColumn, OptionalColumn>> &
  Partial<Pick<Vehicle, OptionalColumn>> &
  VehiclePlace & {
    /** Lower-case words, e.g. `['bluetooth', 'dashcam']`. */
    features?: string[];
  };

/** What a host changes; what is absent stays. */
export type VehicleChanges = Partial<NewVehicle>;

/** One row of a search. */
export interface VehicleHit
  extends Pick<
    Vehicle,
    | 'title'
    | 'kind'
    | 'brand'
    | 'model'
    | 'year'
    | 'seats'
    | 'transmission'
    | 'fuel'
    | 'price_per_hour'
    | 'price_per_day'
    | 'currency'
    | 'instant_book'
    | 'delivery_fee'
    | 'city'
    | 'rating_average'
    | 'rating_count'
  > {
  vehicle_id: Uuid;
  /** A fuzzed, stable point near the vehicle. */
  lat: number;
  lng: number;
  distance_m: number;
  /** What a quote for the period would show without options and without a code: fees, tax and `deposit_amount` included. Minor units. */
  total_amount: Minor;
  /** The part of it that is given back after the trip. */
  deposit_amount: Minor;
  /** Where the first photo is. Null when there is none. */
  cover_bucket: string | null;
  cover_path: string | null;
  /** Its address for an hour, when the search asked for `coverUrls`. Null without a photo, or when Storage gave none. */
  cover_url?: string | null;
  /** What is in the way of the caller, when the search asked for `withReasons`. Empty: it can be booked. */
  reasons?: EligibilityReason['code'][];
  /** Its place in the list. */
  cursor: object;
}

/** How many vehicles a search would find with one value of a filter. */
export interface VehicleFacet extends Omit<Rows['vehicle_facets'], 'facet' | 'value'> {
  facet:
    | 'total'
    | 'kind'
    | 'seats'
    | 'brand'
    | 'transmission'
    | 'fuel'
    | 'instant'
    | 'delivery'
    | 'rating'
    | 'feature';
  /** `seats` and `rating`: at least so many. Null for `total`. */
  value: string | null;
}

/** A listing with everything its screen needs. */
export interface VehicleDetail extends Vehicle {
  /** A fuzzed, stable point near the vehicle. */
  lat: number;
  lng: number;
  features: string[];
  images: (PlacedImage & { position: number })[];
  host: PublicProfile | null;
  /** The newest five; `reviews.list` has the others. */
  reviews: PublicReview[];
  /** The true place, for its host and staff. Null for others. */
  place: VehiclePlace | null;
}

/** A period in which a vehicle can't be booked. */
export interface BusyPeriod extends Omit<Rows['vehicle_calendar'], 'kind'> {
  /** `closed`: outside of the hours of the vehicle. */
  kind: 'booked' | 'blocked' | 'maintenance' | 'closed';
}

/** One thing that is in the way of having a vehicle for a period. */
export interface UnavailableReason
  extends Nullable<Omit<Rows['explain_unavailable'], 'reason'>, 'starts_at' | 'ends_at'> {
  /** `period`: its length, or where in time it is. `eligibility`: what the caller lacks. The first four have times. */
  reason: 'booked' | 'blocked' | 'maintenance' | 'closed' | 'listing' | 'notice' | 'period' | 'eligibility';
}

/** Hours of a day on the clocks of the listing, `08:00` to `24:00`. */
export interface OpenHours {
  opens: string;
  closes: string;
}

export interface WeekdayHours {
  /** 1 is Monday, 7 is Sunday. */
  weekday: number;
  hours: OpenHours[];
}

/** When a vehicle can be rented at all. */
export interface VehicleHours {
  time_zone: string;
  /** Null: all the time. A weekday that is missing is closed. */
  weekly: WeekdayHours[] | null;
  /** Days with other hours, from yesterday on. None is closed. */
  days: { day: CalendarDay; hours: OpenHours[] }[];
}

/** A feature that a listing may name. */
export interface Feature extends Omit<Rows['feature_catalogue'], 'kinds'> {
  /** The kinds of vehicle that it is offered for. */
  kinds: VehicleKind[];
}

/** A vehicle that the signed-in person likes. */
export interface Favourite
  extends Nullable<Rows['my_favourites'], 'rating_average' | 'cover_bucket' | 'cover_path'> {}

/** Inspection or insurance of a vehicle. */
export type VehicleDocument = Tables['vehicle_documents'];

/** Papers that wait for a review. */
export interface VehicleDocumentToReview
  extends Omit<Nullable<Rows['vehicle_documents_to_review'], 'good_until'>, 'kind' | 'photo' | 'claim'> {
  kind: VehicleDocument['kind'];
  photo: PlacedImage;
  /** Who works on it. Null: nobody. */
  claim: ReviewClaim | null;
}

/** The address of the calendar of a vehicle: `path` goes behind the URL of the backend. */
export interface CalendarLink {
  token: string;
  path: string;
}

/** A calendar elsewhere that blocks a vehicle. */
export type ExternalCalendar = Tables['external_calendars'];

/** When it was read, and what came of it. */
export interface ReadCalendar
  extends Nullable<Omit<Rows['my_external_calendars'], 'conflicts'>, 'read_at' | 'problem'> {
  /** Times that it takes and a booking here has already. */
  conflicts: { starts_at: Timestamp; ends_at: Timestamp; found_at: Timestamp }[];
}

/** What 24 hours cost on a day, in minor units, and why. */
export interface DayPrice extends Omit<Rows['price_calendar'], 'reason'> {
  reason: 'day' | 'weekday' | 'weekend' | 'listing';
}

/** What `details` of a reason hold, by its code. */
interface ReasonDetails {
  unauthenticated: object;
  account_suspended: object;
  own_vehicle: object;
  email_unverified: object;
  phone_unverified: object;
  vehicle_not_published: object;
  /** One of the two has blocked the other. It does not say which. */
  booking_not_possible: object;
  period_invalid: object;
  period_in_past: object;
  notice_too_short: { notice_hours: number };
  /** Inspection or insurance end before the trip does. */
  vehicle_papers_end: { papers_until: CalendarDay };
  /** `vehicles.hours` says when it can be rented. */
  vehicle_closed: object;
  period_too_short: { min_hours: number };
  /** `max_days` is absent when it starts too far ahead. */
  period_too_long: { max_days?: number };
  /** `vehicles.requiredLicences` says which would do, also for the next three. */
  licence_required: object;
  licence_class_mismatch: object;
  licence_expires_early: object;
  licence_holder_too_young: object;
  /** What takes the time, never whose it is. */
  vehicle_unavailable: { kinds: ('booked' | 'blocked' | 'maintenance')[] };
  /** The caller's own unpaid booking, to be paid or cancelled. */
  already_held: { booking_id: Uuid };
  score_too_low: { min_score: number };
  too_many_open_bookings: { limit: number };
  too_many_days_held: { max_days: number };
}

/** One reason why the caller can't book: an error code, what to do about it in two languages, and its facts. */
export type EligibilityReason = {
  [Code in keyof ReasonDetails]: { code: Code; details: ReasonDetails[Code] } & Pick<
    Rows['booking_eligibility'],
    'message_en' | 'message_vi'
  >;
}[keyof ReasonDetails];

export type VehicleImage = Tables['vehicle_images'];

/** An entry of a host's calendar. */
export type CalendarEntry = Tables['calendar_entries'];

/** A listing that waits for a review: what the review looks at. `media.signedUrls` gives addresses of its photos. */
export interface VehicleToReview
  extends Omit<
      Like<Rows['vehicles_to_review'], Vehicle>,
      'features' | 'images' | 'same_plate' | 'claim' | 'lat' | 'lng'
    >,
    VehiclePlace,
    Pick<VehicleDetail, 'features' | 'images'> {
  /** Who works on it. Null: nobody. */
  claim: ReviewClaim | null;
  /** Other listings with this plate that are offered, suspended or wait too. */
  same_plate: { vehicle_id: Uuid; host_id: Uuid; title: string; status: VehicleStatus }[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    vehicles_to_review: VehicleToReview;
    booking_eligibility: EligibilityReason;
    vehicles: Vehicle;
    search_vehicles: VehicleHit;
    vehicle_calendar: BusyPeriod;
    vehicle_facets: VehicleFacet;
    create_calendar_link: CalendarLink;
    add_external_calendar: ExternalCalendar;
    my_external_calendars: ReadCalendar;
    vehicle_hours: VehicleHours;
    set_vehicle_hours: VehicleHours;
    set_vehicle_day: VehicleHours;
    explain_unavailable: UnavailableReason;
    feature_catalogue: Feature;
    my_favourites: Favourite;
    vehicle_documents_to_review: VehicleDocumentToReview;
    price_calendar: DayPrice;
    vehicle_detail: VehicleDetail | null;
  }
}
