/** A UUID. */
export type Uuid = string;
/** An ISO 8601 instant with an offset, e.g. `2026-03-01T02:00:00+00:00`. */
export type Timestamp = string;
/** A calendar day, `YYYY-MM-DD`. */
export type CalendarDay = string;
/** An integer amount in minor units of its currency. */
export type Minor = number;
/** An ISO 4217 code. VND has no minor unit. */
export type Currency = 'VND';
/** A half-open range of instants as PostgreSQL writes it; see `parsePeriod`. */
export type TimestampRange = string;
