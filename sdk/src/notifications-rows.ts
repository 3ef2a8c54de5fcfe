import type { Tables } from './generated/database.ts';

/** A message to the signed-in user. `seq` counts without holes per user. */
export interface Notification
  extends Omit<
    Tables['notifications'],
    'seq' | 'data' | 'template_version' | 'locale' | 'dedupe_key' | 'deleted_at'
  > {
  seq: number;
  /**
   * For navigation, e.g. `{ booking_id }`, and the values of the text: an amount is `{ amount, currency }` in minor units,
   * a time `{ at, time_zone }`, a period `{ from, to, time_zone }`, a day `{ day }`.
   */
  data: Record<string, unknown>;
}

declare module './core/shapes.ts' {
  interface Shapes {
    notifications: Notification;
  }
}
