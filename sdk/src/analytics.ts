import type { DailyMetric, MarketplaceReport, MetricKind } from './analytics-rows.ts';
import type { CallOptions, Calls } from './core/calls.ts';
import type { Result } from './result.ts';
import type { CalendarDay } from './values.ts';

/** Days of a report, both included, as `2026-11-30`; at most 367 of them. */
export interface Days {
  fromDay: CalendarDay;
  toDay: CalendarDay;
}

/** Figures of the marketplace, for people with the role `admin` or `support`. */
export class AdminAnalytics {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * What is counted.
   * Errors: `forbidden`.
   */
  metrics(options?: CallOptions): Promise<Result<MetricKind[]>> {
    return this.#calls.rpc('list_metric_kinds', {}, options);
  }

  /**
   * The figures of each day, all or some of them. They are up to ten minutes old.
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: days } = await journey.admin.analytics.days({ fromDay: '2026-11-01', toDay: '2026-11-30', metrics: ['gmv'] });
   * ```
   */
  days(
    { fromDay, toDay, metrics }: Days & { metrics?: readonly string[] },
    options?: CallOptions,
  ): Promise<Result<DailyMetric[]>> {
    const args = { from_day: fromDay, to_day: toDay, metrics: metrics ? [...metrics] : undefined };
    return this.#calls.rpc('list_daily_metrics', args, options);
  }

  /**
   * Totals, funnels, utilisation and the hosts that earned most, in some days; and counts of this moment.
   * Errors: `forbidden`, `invalid_input`.
   */
  report({ fromDay, toDay }: Days, options?: CallOptions): Promise<Result<MarketplaceReport>> {
    const args = { from_day: fromDay, to_day: toDay };
    return this.#calls.rpc('marketplace_report', args, options);
  }

  /**
   * Makes the figures of some days again from the log of events, and answers how many rows they are. Safe to repeat.
   * Errors: `forbidden`, `invalid_input`.
   */
  rebuild({ fromDay, toDay }: Days, options?: CallOptions): Promise<Result<number>> {
    return this.#calls.rpc('rebuild_metrics', { from_day: fromDay, to_day: toDay }, options);
  }
}
