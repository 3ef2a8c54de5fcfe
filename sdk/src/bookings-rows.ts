import type { ListedCharge } from './charges-rows.ts';
import type { Nullable } from './core/shapes.ts';
import type { BookingsRow, Rows, Tables } from './generated/database.ts';
import type { PriceLine } from './generated/pricing/index.ts';
import type { EventOf } from './generated/states.ts';
import type { PlacedImage } from './media-rows.ts';
import type { Payment } from './payments-rows.ts';
import type { PublicProfile } from './profiles-rows.ts';
import type { CancellationPolicy } from './quotes-rows.ts';
import type { Receipt } from './receipts-rows.ts';
import type { Refund } from './refunds-rows.ts';
import type { Currency, Minor, Timestamp, Uuid } from './values.ts';
import type { Vehicle, VehiclePlace } from './vehicles-rows.ts';

/** A rental, seen by its renter and its host. */
export interface Booking extends BookingsRow {
  cancellation_policy: CancellationPolicy;
}
export type BookingStatus = Booking['status'];

export interface InspectionPhoto extends Pick<Tables['inspection_photos'], 'media_id' | 'angle'> {}
export type InspectionAngle = InspectionPhoto['angle'];

export type Inspection = Tables['booking_inspections'];

/** The money of a booking, as far as a side sees it. */
export interface BookingMoney {
  /** How it is paid, and until when it can be. Null for the host, and before the host accepted a request. */
  payment: Payment | null;
  /** What the host earns, commission taken off. Null for the renter. */
  host_amount: Minor | null;
}

/** A booking in a list. */
export interface ListedBooking extends Booking, BookingMoney {}

/** What a cancellation would refund now. */
export interface CancellationPreview {
  currency: Currency;
  /** Everything that comes back, deposit included. */
  refund_amount: Minor;
  /** The deposit in it. */
  deposit_refund: Minor;
  kept_amount: Minor;
  refund_bps: number;
  policy: CancellationPolicy;
  cancelled_by: NonNullable<Booking['cancelled_by']>;
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

/** A later end of a booking: asked for, held while it is paid, or part of the trip. */
export type BookingChange = Tables['booking_changes'];

/** Somebody who may drive besides the renter, once accepted. */
export type BookingDriver = Tables['booking_drivers'];

/** An additional driver in a booking. */
export interface DriverOfBooking extends Pick<BookingDriver, 'id' | 'user_id' | 'status' | 'created_at'> {
  person: PublicProfile | null;
  /** Whether the person has accepted and has a licence for the whole trip by now. */
  may_drive: boolean;
}

/** A trip of somebody else that the caller was asked to drive in. */
export interface Driving extends Pick<BookingDriver, 'id' | 'status' | 'created_at'> {
  booking: Pick<Booking, 'id' | 'code' | 'status' | 'starts_at' | 'ends_at'>;
  vehicle: Pick<Vehicle, 'id' | 'title' | 'kind' | 'city' | 'time_zone'>;
  renter: PublicProfile | null;
  may_drive: boolean;
}

/** A booking in the home screen of its host. */
export interface DashboardTrip
  extends Pick<Booking, 'id' | 'code' | 'status' | 'starts_at' | 'ends_at' | 'answer_by' | 'vehicle_id'> {
  /** The title of the listing. */
  vehicle: string;
  time_zone: string;
  /** The name of the renter. */
  renter: string;
}

/** The home screen of a host. Amounts are in minor units. */
export interface HostDashboard
  extends Pick<PublicProfile, 'rating_average' | 'rating_count' | 'response_minutes'> {
  currency: Currency;
  /** Waiting for an answer, the nearest deadline first. */
  requests: DashboardTrip[];
  /** Extensions that wait for an answer. */
  extensions: (Pick<BookingChange, 'id' | 'booking_id' | 'previous_ends_at' | 'ends_at' | 'answer_by'> & {
    code: string;
    vehicle: string;
    time_zone: string;
  })[];
  /** To be handed over today, or since. */
  hand_overs: DashboardTrip[];
  /** To come back today, or overdue. */
  returns: DashboardTrip[];
  under_way: number;
  upcoming: number;
  /** Hours driven among hours offered, in basis points. */
  occupancy_bps: number;
  /** In the days that were asked for. */
  earned_amount: Minor;
  /** Earned, and in no payout yet. */
  unpaid_amount: Minor;
  /** What paid trips will earn that are not over. */
  expected_amount: Minor;
  credit_score: number;
}

/** A trip in the history of its renter. */
export interface RenterTrip
  extends Pick<
    Booking,
    | 'id'
    | 'code'
    | 'status'
    | 'starts_at'
    | 'ends_at'
    | 'created_at'
    | 'currency'
    | 'total_amount'
    | 'deposit_amount'
    | 'deposit_status'
    | 'hold_expires_at'
  > {
  /** What paid extensions cost. */
  extended_amount: Minor;
  /** What was ordered back, deposit included. */
  refunded_amount: Minor;
  payment: Payment | null;
  vehicle: Pick<Vehicle, 'id' | 'title' | 'kind' | 'city' | 'time_zone'> & { image: PlacedImage | null };
  host: PublicProfile | null;
}

/** A report that one side of a booking did not come. */
export type NoShow = Tables['booking_no_shows'];

/** An extension in a booking, with its price lines and the money of the side that looks. */
export interface ChangeOfBooking extends BookingChange, BookingMoney {
  lines: PriceLine[];
}

/** A part of the deposit that the host got. `cause_id` is the charge or complaint that decided it. */
export type DepositCapture = Omit<Tables['deposit_captures'], 'booking_id'>;

/** A receipt in a booking; `receipts.get` has all of it. */
export type ReceiptOfBooking = Pick<
  Receipt,
  'id' | 'number' | 'kind' | 'source' | 'source_id' | 'payable_id' | 'total' | 'currency' | 'issued_at'
>;

/** A booking with everything its screen needs, for either side. */
export interface BookingDetail extends BookingMoney {
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
  /** Those of its extensions too. */
  refunds: Refund[];
  /** Its extensions, the oldest first. */
  changes: ChangeOfBooking[];
  /** Who drives besides the renter, or was asked to. */
  drivers: DriverOfBooking[];
  /** The last report that one side did not come. */
  no_show: NoShow | null;
  inspections: (Inspection & { photos: (InspectionPhoto & PlacedImage)[] | null })[];
  /** What the host asked for beyond the price, the oldest first, in the state of now. */
  charges: ListedCharge[];
  /** What was taken of the deposit. */
  captures: DepositCapture[];
  /** Receipts and credit notes of the trip, its extensions, charges and captures. Null for the host. */
  receipts: ReceiptOfBooking[] | null;
  /** The hash of the last link of their chain; null without inspections. Keep it, and pass it to `inspectionChain` later. */
  inspections_sha256: string | null;
  history: HistoryStep[];
}

/** One thing that became of an inspection: it was recorded, answered or decided. */
export interface InspectionLink {
  /** From 1 on, without gaps. */
  number: number;
  inspection_id: Uuid;
  written_at: Timestamp;
  /** Canonical JSON (RFC 8785): an {@link InspectionLinkRecord}. */
  record: string;
  /** SHA-256 of the UTF-8 bytes of `record`, in lower-case hex. */
  sha256: string;
}

/** What the text of a link says. Times are in UTC, with microseconds. */
export interface InspectionLinkRecord {
  version: 1;
  booking_id: Uuid;
  number: number;
  /** `sha256` of the link before. Null in the first. */
  previous: string | null;
  written_at: Timestamp;
  booked_start: Timestamp;
  cause: string | null;
  reason: string | null;
  /** All that the inspection said by then. */
  inspection: Omit<Inspection, 'booking_id' | 'counts_at'> & {
    /** `sha256` is of the bytes that were uploaded. */
    photos: {
      angle: InspectionAngle;
      media_id: Uuid;
      sha256: string;
      mime_type: string;
      byte_size: number;
    }[];
  };
}

/** The chain of hashes over the inspections of a trip. */
export interface InspectionChain {
  booking_id: Uuid;
  links: InspectionLink[];
  /** Of the last link. Null without inspections. */
  sha256: string | null;
  /** Whether the backend found just now that links, log, inspections and photos agree. */
  is_intact: boolean;
  /** `number` is null where an inspection has no link. */
  problems: { number: number | null; problem: 'text' | 'order' | 'log' | 'inspection' | 'missing' }[];
}

/** A chain, and whether it was found whole here. */
export interface CheckedInspectionChain extends InspectionChain {
  is_verified: boolean;
}

/** A booking whose vehicle is suspended. */
export interface SuspendedBooking
  extends Pick<
    Booking,
    'id' | 'code' | 'status' | 'starts_at' | 'ends_at' | 'renter_id' | 'host_id' | 'vehicle_id'
  > {
  /** The title of the listing. */
  vehicle: string;
}

/** A photo of an inspection, with what its camera wrote; null when it wrote nothing. */
export interface InspectionEvidence
  extends Omit<
    Nullable<
      Rows['inspection_evidence'],
      'captured_at' | 'minutes_before' | 'distance_m' | 'in_time' | 'nearby'
    >,
    'kind' | 'angle'
  > {
  kind: 'check_in' | 'check_out';
  angle: InspectionAngle;
}

declare module './core/shapes.ts' {
  interface Shapes {
    bookings: Booking;
    inspection_evidence: InspectionEvidence;
    booking_detail: BookingDetail;
    inspection_chain: InspectionChain;
    my_bookings: ListedBooking;
    my_driving: Driving;
    host_dashboard: HostDashboard;
    renter_history: RenterTrip;
    bookings_on_suspended_vehicles: SuspendedBooking;
    cancel_booking_preview: CancellationPreview;
  }
}
