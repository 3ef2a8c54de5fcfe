import type { Rows } from './generated/database.ts';
import type { CalendarDay, Minor, Uuid } from './values.ts';

/** What a figure counts. */
export interface MetricKind extends Omit<Rows['list_metric_kinds'], 'unit'> {
  /** `money` is in minor units, and its dimension is the currency. */
  unit: 'count' | 'money';
}

/** A figure of a day, or one part of it. A day without a row has zero. */
export interface DailyMetric extends Omit<Rows['list_daily_metrics'], 'unit'> {
  unit: MetricKind['unit'];
}

/** How far those came who began in the days of a report: how many were ever in each state. */
export type Funnel<State extends string> = Record<'made' | State, number>;

/** How the marketplace did. */
export interface MarketplaceReport {
  from_day: CalendarDay;
  to_day: CalendarDay;
  time_zone: string;
  /** By figure and dimension; a figure without parts has the dimension ''. */
  totals: Record<string, Record<string, number>>;
  bookings: Funnel<
    'confirmed' | 'in_progress' | 'completed' | 'cancelled' | 'expired' | 'declined' | 'no_show'
  >;
  orders: Funnel<'completed' | 'cancelled' | 'expired' | 'failed'>;
  /** Hours of trips among the hours of bookable listings, of days that are past, in basis points. */
  utilisation_bps: number;
  top_hosts: {
    user_id: Uuid;
    display_name: string | null;
    currency: string;
    earned_amount: Minor;
    /** Bookings, orders and charges that they earned it with. */
    paid_for: number;
  }[];
  /** Counts of this moment: those of the function health, and these. */
  now: Record<string, number | Record<string, number>> & {
    listings: number;
    trips_under_way: number;
    owed_to_hosts: Record<string, Minor>;
  };
}

declare module './core/shapes.ts' {
  interface Shapes {
    list_metric_kinds: MetricKind;
    list_daily_metrics: DailyMetric;
    marketplace_report: MarketplaceReport;
  }
}
