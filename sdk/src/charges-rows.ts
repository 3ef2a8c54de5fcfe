import type { Tables } from './generated/database.ts';
import type { PlacedImage } from './media-rows.ts';
import type { Currency, Minor, Timestamp, Uuid } from './values.ts';

/** What the host asks for after a trip, beyond its price. */
export type Charge = Tables['booking_charges'];
export type ChargeKind = 'fuel' | 'km' | 'late' | 'toll' | 'cleaning' | 'damage' | 'other';

/** A charge as lists show it, in its state of now. */
export interface ListedCharge extends Charge {
  /** The payment of what the deposit did not cover. */
  payment_id: Uuid | null;
  evidence: PlacedImage[];
}

/** A charge that waits for an admin or for its payer. */
export interface OpenCharge extends ListedCharge {
  /** Of the booking. */
  code: string;
  renter_id: Uuid;
  host_id: Uuid;
  deposit_left: Minor;
  /** Whether the money of the booking is frozen. */
  frozen: boolean;
}

/** What a trip costs beyond its price, as stated with its quote; without tax. */
export interface TripTerms {
  /** Null for no limit. */
  daily_km_allowance: number | null;
  excess_km_fee: Minor;
  late_grace_minutes: number;
  late_hour_fee: Minor;
  late_day_fee: Minor;
  vat_bps: number;
}

/** What the records of a trip say that it cost beyond its price. `amount` has the tax in it. */
export interface TripCosts {
  currency: Currency;
  fuel: { check_in_percent: number; check_out_percent: number } | null;
  /** Null also where kilometres are free. */
  km: {
    driven_km: number;
    allowed_km: number;
    excess_km: number;
    fee_per_km: Minor;
    amount: Minor;
    tax_amount: Minor;
  } | null;
  late: {
    due_at: Timestamp;
    returned_at: Timestamp;
    late_minutes: number;
    grace_minutes: number;
    hour_fee: Minor;
    day_fee: Minor;
    amount: Minor;
    tax_amount: Minor;
  } | null;
  /** Until when the host may ask. Null before the trip is completed. */
  claim_until: Timestamp | null;
  deposit_left: Minor;
  terms: TripTerms;
  kinds: {
    kind: ChargeKind;
    /** What a renter who does not answer says. */
    silence: 'accepts' | 'disputes';
    max_amount: Minor;
    is_computed: boolean;
    needs_evidence: boolean;
  }[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    trip_costs: TripCosts;
    charges_of_booking: ListedCharge;
    list_charges: OpenCharge;
  }
}
