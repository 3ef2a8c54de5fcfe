import type { Tables } from './generated/database.ts';

type Row = Tables['discounts'];

/** What a code is for. */
export type DiscountScope = 'rental' | 'tickets';

/** A code that is shown to everybody and that the signed-in person can use now. Amounts are in minor units of `currency`. */
export interface AvailableDiscount
  extends Pick<
    Row,
    | 'id'
    | 'code'
    | 'title'
    | 'organizer_id'
    | 'event_id'
    | 'currency'
    | 'percent_bps'
    | 'fixed_amount'
    | 'min_amount'
    | 'max_amount'
    | 'valid_until'
    | 'first_only'
    | 'created_at'
  > {
  scope: DiscountScope;
}

/** A code, as those who manage it see it. Amounts are in minor units of `currency`. */
export interface Discount extends Omit<Row, 'uses' | 'created_by' | 'scope'> {
  scope: DiscountScope;
  /** How many bookings or orders have it. */
  redeemed: number;
  /** How many wait for an answer or for payment with it. */
  reserved: number;
  /** What it took off those that have it. */
  amount_redeemed: number;
}
export type DiscountStatus = Row['status'];

/** What a code can be changed in; what is absent stays. */
export interface DiscountChanges {
  title?: string;
  /** The share that is taken off, in basis points. Give null with a fixed amount. */
  percent_bps?: number | null;
  /** What is taken off. Give null with a share. */
  fixed_amount?: number | null;
  /** The price from which on it can be used. */
  min_amount?: number;
  /** The most that a share takes off. */
  max_amount?: number | null;
  /** ISO 8601; null for no end. */
  valid_until?: string | null;
  /** How often it can be used by all together. A code without a limit keeps none. */
  total_limit?: number | null;
  /** How often one person can use it: 1 when absent, null for no limit. */
  per_user_limit?: number | null;
  /** Whether `available` shows it to everybody who can use it. */
  is_listed?: boolean;
}

/** A new code. */
export interface DiscountDetails extends DiscountChanges {
  /** 4 to 30 letters, digits, `-` and `_`. Its case does not matter. */
  code: string;
  title: string;
  scope: DiscountScope;
  valid_from?: string;
  /** Whether it is for a first booking, or first order, alone. */
  first_only?: boolean;
}

declare module './core/shapes.ts' {
  interface Shapes {
    available_discounts: AvailableDiscount;
    create_discount: Discount;
    create_organizer_discount: Discount;
    list_discounts: Discount;
    organizer_discounts: Discount;
    update_discount: Discount;
    update_organizer_discount: Discount;
  }
}
