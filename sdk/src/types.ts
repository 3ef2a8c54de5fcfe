// Rows and answers of the API, written by hand where generators are wrong: ranges, jsonb, nullability of
// function results. Column names are the database's. Money is an integer in minor units of `currency`
// (VND has none); shares are basis points (10000 = 100 %); instants are ISO 8601 texts with an offset.
import type { PriceLine, PricingFacts } from './generated/pricing/index.ts';
import type { EventOf, StateOf } from './generated/states.ts';
import type { Payment, Refund } from './money-types.ts';

export type * from './admin-money-types.ts';
export type * from './money-types.ts';

/** A UUID. */
export type Uuid = string;
/** An ISO 8601 instant with an offset, e.g. `2026-03-01T02:00:00+00:00`. */
export type Timestamp = string;
/** A calendar day, `YYYY-MM-DD`. */
export type CalendarDay = string;
/** An integer amount in minor units of its currency. */
export type Minor = number;
/** A half-open range of instants as PostgreSQL writes it; see `parsePeriod`. */
export type TimestampRange = string;

export type VehicleStatus = StateOf<'vehicle'>;
export type BookingStatus = StateOf<'booking'>;
export type LicenceStatus = StateOf<'driver_licence'>;

export type VehicleKind = 'car' | 'motorbike';
export type Transmission = 'manual' | 'automatic';
export type Fuel = 'petrol' | 'diesel' | 'electric' | 'hybrid';
export type CancellationPolicyCode = 'flexible' | 'moderate' | 'strict';
export type MediaPurpose = 'avatar' | 'vehicle_image' | 'licence' | 'inspection';
export type InspectionAngle = 'front' | 'rear' | 'left' | 'right' | 'dashboard';

/** The signed-in user's own profile. */
export interface Profile {
  id: Uuid;
  display_name: string;
  bio: string;
  locale: 'vi' | 'en';
  time_zone: string;
  avatar_media_id: Uuid | null;
  rating_average: number | null;
  rating_count: number;
  created_at: Timestamp;
  updated_at: Timestamp;
  deleted_at: Timestamp | null;
}

/** What anybody may see of another person. */
export interface PublicProfile {
  user_id: Uuid;
  display_name: string;
  /** Path in the bucket `avatars`; see `media.signedUrl`. */
  avatar_path: string | null;
  rating_average: number | null;
  rating_count: number;
  member_since: CalendarDay;
}

/** A submitted driver licence. The number itself is never returned. */
export interface DriverLicence {
  id: Uuid;
  user_id: Uuid;
  number_last4: string;
  full_name: string;
  classes: string[];
  valid_until: CalendarDay;
  front_media_id: Uuid;
  back_media_id: Uuid;
  status: LicenceStatus;
  reviewed_by: Uuid | null;
  reviewed_at: Timestamp | null;
  reason: string | null;
  created_at: Timestamp;
}

/** One upload: a ticket while `reserved`, a usable file when `ready`. */
export interface Media {
  id: Uuid;
  owner_id: Uuid;
  purpose: MediaPurpose;
  bucket: string;
  path: string;
  mime_type: string;
  byte_size: number;
  /** Lower-case hex. */
  sha256: string;
  status: 'reserved' | 'ready' | 'deleted';
  /** Until when a reserved upload may be completed. */
  expires_at: Timestamp;
  created_at: Timestamp;
}

/** A listing. */
export interface Vehicle {
  id: Uuid;
  host_id: Uuid;
  kind: VehicleKind;
  brand: string;
  model: string;
  year: number;
  seats: number;
  transmission: Transmission;
  fuel: Fuel;
  engine_cc: number | null;
  title: string;
  description: string;
  city: string;
  currency: 'VND';
  price_per_hour: Minor;
  price_per_day: Minor;
  /** Extra on Saturdays and Sundays, basis points of the day's price. */
  weekend_bps: number;
  /** From how many days the long-stay discount holds. */
  long_stay_days: number;
  long_stay_discount_bps: number;
  /** Null when the host does not deliver. */
  delivery_fee: Minor | null;
  security_deposit: Minor;
  daily_km_allowance: number | null;
  /** Per kilometre above the allowance. */
  excess_km_fee: Minor | null;
  /** True: a booking needs no answer of the host. */
  instant_book: boolean;
  cancellation_policy: CancellationPolicyCode;
  min_hours: number;
  max_days: number;
  notice_hours: number;
  buffer_minutes: number;
  /** Follows from kind, transmission and engine. */
  required_licence_class: string;
  time_zone: string;
  status: VehicleStatus;
  /** Counts changes of what a review looks at; a decision names the one it saw. */
  revision: number;
  rating_average: number | null;
  rating_count: number;
  published_at: Timestamp | null;
  created_at: Timestamp;
  updated_at: Timestamp;
}

type EditableColumn =
  | 'kind'
  | 'brand'
  | 'model'
  | 'year'
  | 'seats'
  | 'transmission'
  | 'fuel'
  | 'engine_cc'
  | 'title'
  | 'description'
  | 'city'
  | 'price_per_hour'
  | 'price_per_day'
  | 'weekend_bps'
  | 'long_stay_days'
  | 'long_stay_discount_bps'
  | 'delivery_fee'
  | 'security_deposit'
  | 'daily_km_allowance'
  | 'excess_km_fee'
  | 'instant_book'
  | 'cancellation_policy'
  | 'min_hours'
  | 'max_days'
  | 'notice_hours'
  | 'buffer_minutes'
  | 'time_zone';

type RequiredColumn =
  | 'kind'
  | 'brand'
  | 'model'
  | 'year'
  | 'seats'
  | 'transmission'
  | 'fuel'
  | 'title'
  | 'city'
  | 'price_per_hour'
  | 'price_per_day';

/** Where a vehicle stands: seen by its host, admins, and whoever has it booked. */
export interface VehiclePlace {
  lat: number;
  lng: number;
  address: string;
  /** Digits, capitals, `.` and `-`, e.g. `30A-123.45`. */
  plate: string;
}

/** What a host says of a new listing; column names as in {@link Vehicle}. */
export type NewVehicle = Pick<Vehicle, RequiredColumn> &
  Partial<Pick<Vehicle, Exclude<EditableColumn, RequiredColumn>>> &
  VehiclePlace & {
    /** Lower-case words, e.g. `['bluetooth', 'dashcam']`. */
    features?: string[];
  };

/** What a host changes; what is absent stays. */
export type VehicleChanges = Partial<NewVehicle>;

/** One row of a search. */
export interface VehicleHit {
  vehicle_id: Uuid;
  title: string;
  kind: VehicleKind;
  brand: string;
  model: string;
  year: number;
  seats: number;
  transmission: Transmission;
  fuel: Fuel;
  price_per_hour: Minor;
  price_per_day: Minor;
  currency: 'VND';
  instant_book: boolean;
  city: string;
  /** A fuzzed, stable point near the vehicle. */
  lat: number;
  lng: number;
  distance_m: number;
  rating_average: number | null;
  rating_count: number;
  /** Where the first photo is; see `media.signedUrl`. Null when there is none. */
  cover_bucket: string | null;
  cover_path: string | null;
  /** Where the next page begins after this row; opaque. */
  cursor: SearchCursor;
}

/** A listing with everything its screen needs. */
export interface VehicleDetail extends Vehicle {
  /** A fuzzed, stable point near the vehicle. */
  lat: number;
  lng: number;
  features: string[];
  images: (PlacedImage & { position: number })[];
  host: PublicProfile | null;
}

/** An opaque place in a list, given back by the backend. */
export type SearchCursor = Record<string, unknown>;

/** A period in which a vehicle can't be booked. */
export interface BusyPeriod {
  starts_at: Timestamp;
  ends_at: Timestamp;
  kind: 'booked' | 'blocked';
}

export interface VehicleImage {
  vehicle_id: Uuid;
  media_id: Uuid;
  host_id: Uuid;
  /** 0 to 19; 0 is the cover. */
  position: number;
  created_at: Timestamp;
}

/** An entry of a host's calendar. */
export interface CalendarEntry {
  id: Uuid;
  vehicle_id: Uuid;
  kind: 'booking' | 'hold' | 'host_block' | 'maintenance' | 'external';
  blocked: TimestampRange;
  booking_id: Uuid | null;
  expires_at: Timestamp | null;
  note: string | null;
  created_at: Timestamp;
}

/** The share given back by how long before the start a booking is cancelled. */
export interface CancellationPolicy {
  code: CancellationPolicyCode;
  tiers: { hours_before: number; refund_bps: number }[];
}

/** The parts of a price: total = deposit + host + platform + tax. */
export interface Amounts {
  currency: 'VND';
  total_amount: Minor;
  deposit_amount: Minor;
  host_amount: Minor;
  platform_amount: Minor;
  tax_amount: Minor;
}

/** A price that holds until `expires_at`, and the only thing a booking is made from. */
export interface Quote extends Amounts {
  id: Uuid;
  renter_id: Uuid;
  vehicle_id: Uuid;
  period: TimestampRange;
  starts_at: Timestamp;
  ends_at: Timestamp;
  lines: PriceLine[];
  cancellation_policy: CancellationPolicy;
  /** What the price was computed from; `quotes.estimate` takes it for other dates or options. */
  facts: PricingFacts;
  pricing_version: string;
  created_at: Timestamp;
  expires_at: Timestamp;
}

/** A rental, seen by its renter and its host. */
export interface Booking extends Amounts {
  id: Uuid;
  /** For people, e.g. `JB7K2M9Q`. */
  code: string;
  quote_id: Uuid;
  vehicle_id: Uuid;
  renter_id: Uuid;
  host_id: Uuid;
  period: TimestampRange;
  starts_at: Timestamp;
  ends_at: Timestamp;
  status: BookingStatus;
  cancellation_policy: CancellationPolicy;
  /** Until when the host may answer a request; over at that moment. */
  answer_by: Timestamp | null;
  /** Until when the slot is held unpaid; over at that moment. */
  hold_expires_at: Timestamp | null;
  confirmed_at: Timestamp | null;
  checked_in_at: Timestamp | null;
  checked_out_at: Timestamp | null;
  cancelled_at: Timestamp | null;
  cancelled_by: 'renter' | 'host' | 'admin' | null;
  /** Until when the host may claim on the deposit. */
  claim_until: Timestamp | null;
  deposit_status: 'none' | 'held' | 'returned';
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface InspectionPhoto {
  media_id: Uuid;
  angle: InspectionAngle;
}

export interface Inspection {
  id: Uuid;
  booking_id: Uuid;
  kind: 'check_in' | 'check_out';
  odometer_km: number;
  /** 0 to 100. */
  fuel_percent: number;
  note: string;
  recorded_by: Uuid;
  recorded_at: Timestamp;
  acknowledged_by: Uuid | null;
  acknowledged_at: Timestamp | null;
}

/** What a cancellation would give back now. */
export interface CancellationPreview {
  currency: 'VND';
  /** Everything that comes back, deposit included. */
  refund_amount: Minor;
  /** The deposit in it. */
  deposit_refund: Minor;
  kept_amount: Minor;
  refund_bps: number;
  policy: CancellationPolicy;
  cancelled_by: 'renter' | 'host' | 'admin';
}

/** A message to the signed-in user. `seq` counts without holes per user. */
export interface Notification {
  id: Uuid;
  user_id: Uuid;
  seq: number;
  category: string;
  template: string;
  title: string;
  body: string;
  /** For navigation, e.g. `{ booking_id }`. */
  data: Record<string, unknown>;
  read_at: Timestamp | null;
  created_at: Timestamp;
}

/** What must hold and does not, found by the backend's own check; none means healthy. */
export interface InvariantViolation {
  /** A name of docs/invariants.md, which says what to do. */
  invariant: string;
  /** critical: rows contradict each other; warning: work is late, or waits for a person. */
  severity: 'critical' | 'warning';
  /** The row it is about; null when the invariant could not be checked. */
  subject_id: string | null;
  /** What was found. */
  detail: string;
}

/** One step in the life of a booking. */
export interface HistoryStep {
  from_state: BookingStatus | 'initial';
  event: EventOf<'booking'>;
  to_state: BookingStatus;
  cause: string | null;
  reason: string | null;
  occurred_at: Timestamp;
}

/** A photo in its place, to be shown through `media.signedUrl`. */
export interface PlacedImage {
  media_id: Uuid;
  bucket: string;
  path: string;
}

/** A booking with everything its screen needs, for either side. */
export interface BookingDetail {
  /** Which side the caller is on. */
  side: 'renter' | 'host' | 'admin';
  booking: Booking;
  lines: PriceLine[];
  vehicle: Pick<Vehicle, 'id' | 'title' | 'kind' | 'brand' | 'model' | 'year' | 'city' | 'time_zone'> & {
    images: (PlacedImage & { position: number })[];
  };
  /** The true place: null for the renter until the booking is confirmed. */
  location: VehiclePlace | null;
  renter: PublicProfile | null;
  host: PublicProfile | null;
  /** Null for the host. */
  payment: Payment | null;
  refunds: Refund[];
  inspections: (Inspection & { photos: (InspectionPhoto & PlacedImage)[] | null })[];
  history: HistoryStep[];
}
