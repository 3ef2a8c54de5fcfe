/**
 * How a call may be repeated. `read`: it changes nothing. `repeatable`: doing it twice is doing it once.
 * `keyed`: it carries an idempotency key, and the backend answers the first run's result. `once`: never
 * repeated without a person deciding so.
 */
export type CallKind = 'read' | 'repeatable' | 'keyed' | 'once';
