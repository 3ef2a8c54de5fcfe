import type { Nullable, Refine } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { Timestamp, Uuid } from './values.ts';

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

/** How a notification reaches a person outside of the app. */
export type DeliveryChannel = 'email' | 'push' | 'sms';

/** What a settings screen shows. */
export interface NotificationSettings {
  /** The zone of the profile, in which the hours are meant. */
  time_zone: string;
  /** When no push and no SMS is sent, as `HH:MM`; over midnight when `from` is later than `until`. */
  quiet_hours: { from: string; until: string } | null;
  /** The mail that sums up what is unread. `weekday` is 1 (Monday) to 7. */
  digest: { frequency: 'off' | 'daily' | 'weekly'; hour: number; weekday: number };
  categories: NotificationCategory[];
}

/** A kind of notifications that can be switched on and off. */
export interface NotificationCategory {
  category: string;
  /** In the language of the person; so is the description. */
  name: string;
  description: string;
  /** Offers: sent only with the consent that the profile holds (`allows_marketing`). */
  needs_consent: boolean;
  has_consent: boolean;
  /** Whether it would be sent now. */
  channels: { channel: DeliveryChannel; is_on: boolean }[];
}

/** Why a notification was or was not sent. */
export interface NotificationExplanation {
  notification_id: Uuid;
  user_id: Uuid;
  template: string;
  title: string;
  created_at: Timestamp;
  /** Sent whatever the person prefers, at any hour. */
  is_critical: boolean;
  channels: ChannelExplanation[];
}

/** What happened on one channel; a push has one for each device. */
export interface ChannelExplanation {
  channel: 'in_app' | DeliveryChannel;
  delivery_id: Uuid | null;
  device_id: Uuid | null;
  status: Delivery['status'] | 'not_planned';
  reason: string | null;
  decided_at: Timestamp | null;
  sent_at: Timestamp | null;
  explanation_en: string;
  explanation_vi: string;
}

/** What was sent to a person, or was not. */
export interface Delivery
  extends Refine<
    Nullable<
      Rows['list_deliveries'],
      | 'notification_id'
      | 'subject_id'
      | 'template'
      | 'title'
      | 'device_id'
      | 'reason'
      | 'detail'
      | 'provider'
      | 'provider_id'
      | 'waits_until'
      | 'decided_at'
      | 'sent_at'
      | 'delivered_at'
      | 'ended_at'
    >,
    {
      channel: DeliveryChannel;
      status: 'queued' | 'sent' | 'delivered' | 'failed' | 'bounced' | 'complained' | 'suppressed' | 'void';
    }
  > {}

declare module './core/shapes.ts' {
  interface Shapes {
    notifications: Notification;
    notification_settings: NotificationSettings;
    explain_notification: NotificationExplanation;
    list_deliveries: Delivery;
  }
}
