// Generated: a copy of supabase/functions/_shared/pricing/types.ts. Do not edit.
/** What a renter chooses besides vehicle and dates. */
export interface PricingOptions {
  /** Default `none`. */
  insurance?: 'none' | 'basic' | 'premium';
  /** Whether the host brings the vehicle. Default false. */
  delivery?: boolean;
}

/** Shares in basis points (1/100 of a percent). */
export interface PricingRates {
  /** Paid by the renter on top of the rental. */
  service_fee_bps: number;
  /** Of everything but the deposit. */
  vat_bps: number;
  /** Of the rental. */
  insurance: { basic: number; premium: number };
}

/** What a discount code takes off: a share or a fixed amount. */
export interface PricingDiscount {
  code: string;
  /** Null for a fixed amount. */
  percent_bps: number | null;
  /** Null for a share. */
  fixed_amount: number | null;
  /** The price from which on the code can be used: before it, without tax and deposit. */
  min_amount: number;
  /** The most that a share takes off; null without such a cap. */
  max_amount: number | null;
}

/** Everything a price is computed from. Amounts are integers in minor units of `currency` (VND has none). */
export interface PricingFacts {
  currency: 'VND';
  /** IANA name; weekends are those of this zone. */
  time_zone: string;
  /** ISO 8601 with an offset. */
  starts_at: string;
  /** ISO 8601 with an offset; later than `starts_at`. */
  ends_at: string;
  price_per_hour: number;
  price_per_day: number;
  /** Extra on Saturdays and Sundays. */
  weekend_bps: number;
  /** Prices of single days of the listing's calendar, `YYYY-MM-DD`; each is in place of every other price of its day. */
  day_prices?: { day: string; price_per_day: number }[];
  /** Prices of days of the week, 1 for Monday to 7 for Sunday, in place of price_per_day and the weekend extra. */
  weekday_prices?: { weekday: number; price_per_day: number }[];
  /** The number of charged days from which the long-stay discount applies. */
  long_stay_days: number;
  long_stay_discount_bps: number;
  security_deposit: number;
  /** Null when the host does not deliver. */
  delivery_fee: number | null;
  rates: PricingRates;
  options: PricingOptions;
  /** Absent or null without a code. */
  discount?: PricingDiscount | null;
  cancellation_policy: { code: string; tiers: { hours_before: number; refund_bps: number }[] };
  /** How long a quote made from these facts holds. */
  quote_minutes: number;
}

export type PriceLineCode =
  | 'rental_days'
  | 'rental_hours'
  | 'weekend_surcharge'
  | 'weekday_prices'
  | 'day_prices'
  | 'long_stay_discount'
  | 'delivery'
  | 'insurance'
  | 'service_fee'
  | 'discount'
  | 'vat'
  | 'security_deposit';

/** One line of a price; `amount` is `quantity × unit_amount`, and negative for a discount. */
export interface PriceLine {
  code: PriceLineCode;
  quantity: number;
  unit_amount: number;
  amount: number;
}

/** A computed price. The lines add up to `total_amount`, in which deposit and tax are contained. */
export interface Priced {
  lines: PriceLine[];
  total_amount: number;
  deposit_amount: number;
  tax_amount: number;
  /** What the code takes off; 0 without one. */
  discount_amount: number;
  /** Of the rules; a stored quote names the version it was computed by. */
  version: string;
}

/** Facts that allow no price. `field` names the wrong one: `discount.min_amount` when the price is too low for the code. */
export class PricingError extends Error {
  readonly field: string;
  readonly problem: string;

  constructor(field: string, problem: string) {
    super(`${field} ${problem}`);
    this.name = 'PricingError';
    this.field = field;
    this.problem = problem;
  }
}
