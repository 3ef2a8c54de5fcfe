import type { CallOptions, Calls } from './core/calls.ts';
import { byCreation, type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import { requireUserId, valueOr } from './core/rows.ts';
import type { MailState } from './mail-rows.ts';
import type {
  Delivery,
  DeliveryChannel,
  Notification,
  NotificationExplanation,
  NotificationSettings,
} from './notifications-rows.ts';
import {
  NotificationFeed,
  type NotificationHandlers,
  type NotificationSubscription,
  type SubscribeOptions,
} from './realtime/notification-feed.ts';
import type { UserInbox } from './realtime/user-inbox.ts';
import { type Result, succeed } from './result.ts';
import type { Uuid } from './values.ts';

/** The signed-in user's notifications, read and live. */
export class Notifications {
  readonly #calls: Calls;
  readonly #inbox: UserInbox;

  constructor(calls: Calls, inbox: UserInbox) {
    this.#calls = calls;
    this.#inbox = inbox;
  }

  /**
   * The notifications of the signed-in person, newest first.
   * Errors: `invalid_input`.
   *
   * @example `for await (const { data, error } of journey.notifications.list()) if (data) show(data.title);`
   */
  list(page: PageOptions = {}, options?: CallOptions): List<Notification> {
    const read = (page_size: number, after?: { seq: number }) =>
      this.#calls.rpc('list_notifications', { before_seq: after?.seq, page_size }, options);
    return readList({ by: ['seq'], read }, page, options);
  }

  /**
   * One notification, such as the one whose id a push carried.
   * Errors: `not_found`.
   */
  async get(notificationId: Uuid, options?: CallOptions): Promise<Result<Notification>> {
    const result = await this.#calls.rpc('get_notification', { notification_id: notificationId }, options);
    return valueOr(
      mapResult(result, (rows) => rows[0] ?? null),
      'not_found',
      options,
    );
  }

  /**
   * Why a notification was sent, or was not, on each channel, in plain sentences. Support and admins may ask about
   * those of other people.
   * Errors: `not_found`.
   */
  explain(notificationId: Uuid, options?: CallOptions): Promise<Result<NotificationExplanation>> {
    return this.#calls.rpc('explain_notification', { notification_id: notificationId }, options);
  }

  /** What a settings screen shows: the categories with their channels, quiet hours and the summary. */
  settings(options?: CallOptions): Promise<Result<NotificationSettings>> {
    return this.#calls.rpc('notification_settings', {}, options);
  }

  /**
   * Switches a category on or off on one channel, for what is sent from now on. The inbox has everything, and a few
   * critical notifications about the account are always sent.
   * Errors: `invalid_input`, `rate_limited`.
   *
   * @example `await journey.notifications.setPreference({ category: 'booking', channel: 'email', isOn: false });`
   */
  async setPreference(
    { category, channel, isOn }: { category: string; channel: DeliveryChannel; isOn: boolean },
    options?: CallOptions,
  ): Promise<Result<null>> {
    const args = { category, channel, is_on: isOn };
    return done(await this.#calls.rpc('set_notification_preference', args, options));
  }

  /**
   * Sets the hours without pushes and SMS, as `HH:MM` in the zone of the profile; what comes meanwhile is sent when they
   * end. Without hours there are none.
   * Errors: `invalid_input`, `rate_limited`.
   *
   * @example `await journey.notifications.setQuietHours({ quietFrom: '22:00', quietUntil: '07:00' });`
   */
  async setQuietHours(
    { quietFrom, quietUntil }: { quietFrom?: string; quietUntil?: string } = {},
    options?: CallOptions,
  ): Promise<Result<null>> {
    const args = { quiet_from: quietFrom, quiet_until: quietUntil };
    return done(await this.#calls.rpc('set_quiet_hours', args, options));
  }

  /**
   * Chooses how often a mail sums up what is unread: at the local `hour`, 0 to 23 (8), and for `weekly` on the `weekday`, 1
   * (Monday) to 7.
   * Errors: `invalid_input`, `rate_limited`.
   */
  async setDigest(
    { frequency, hour, weekday }: { frequency: 'off' | 'daily' | 'weekly'; hour?: number; weekday?: number },
    options?: CallOptions,
  ): Promise<Result<null>> {
    return done(await this.#calls.rpc('set_notification_digest', { frequency, hour, weekday }, options));
  }

  /** How many are unread: the number on the badge. */
  unreadCount(options?: CallOptions): Promise<Result<number>> {
    return this.#calls.rpc('unread_count', {}, options);
  }

  /**
   * Whether the caller's mail address takes mail: `bounced` when it does not exist or refuses, so that nothing goes there until
   * it is changed; `complained` when a mail was reported as spam, so that only what is critical goes there.
   *
   * @example
   * ```ts
   * const { data: mail } = await journey.notifications.mailState();
   * if (mail?.state === 'bounced') askForAnotherAddress(mail.email);
   * ```
   */
  mailState(options?: CallOptions): Promise<Result<MailState>> {
    return this.#calls.rpc('my_mail_state', {}, options) as Promise<Result<MailState>>;
  }

  /**
   * Marks one as read, on all devices of the user.
   * Errors: `not_found`.
   */
  async markRead(notificationId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return done(
      await this.#calls.rpc('mark_notification_read', { notification_id: notificationId }, options),
    );
  }

  /** Marks all as read. */
  async markAllRead(options?: CallOptions): Promise<Result<null>> {
    return done(await this.#calls.rpc('mark_all_notifications_read', {}, options));
  }

  /**
   * Deletes one.
   * Errors: `not_found`.
   */
  async remove(notificationId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return done(await this.#calls.rpc('delete_notification', { notification_id: notificationId }, options));
  }

  /**
   * Delivers every new notification once and in order: live, and by reading whatever the connection lost.
   * Tokens are refreshed by themselves. In an app call `pause`/`resume` with its going to the background and back.
   * When the user signs out it ends (`onStatus('ended')`).
   * Errors: `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: subscription, error } = await journey.notifications.subscribe({
   *   onNotification: (notification) => toast(notification.title),
   *   onUnread: (unread) => setBadge(unread),
   * });
   * // later
   * subscription?.unsubscribe();
   * ```
   */
  async subscribe(
    handlers: NotificationHandlers,
    options: SubscribeOptions = {},
  ): Promise<Result<NotificationSubscription>> {
    const user = await requireUserId(this.#calls);
    if (user.error) return user;
    const reads = {
      since: (seq: number) => this.#calls.rpc('notifications_since', { after_seq: seq }),
      unread: () => this.unreadCount(),
      newest: () => this.#calls.rpc('list_notifications', { page_size: 1 }),
    };
    const feed = new NotificationFeed(this.#inbox, reads, handlers, options);
    const started = await feed.start(user.data);
    return started.error ? started : succeed(feed);
  }
}

/** What was sent to people, for support and admins. */
export class AdminNotifications {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * What was sent and what was not, newest first: to everybody, or to one person, on one channel, in one state.
   * Errors: `forbidden`, `invalid_input`.
   */
  deliveries(
    {
      userId,
      channel,
      status,
      ...page
    }: { userId?: Uuid; channel?: DeliveryChannel; status?: Delivery['status'] } & PageOptions = {},
    options?: CallOptions,
  ): List<Delivery> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_deliveries', { user_id: userId, channel, status, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Sends a delivery again that failed before its provider took it. Only for admins.
   * Errors: `forbidden`, `not_found`, `illegal_transition`.
   */
  async requeue(deliveryId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return done(await this.#calls.rpc('requeue_delivery', { delivery_id: deliveryId }, options));
  }
}

function done(result: Result<unknown>): Result<null> {
  return mapResult(result, () => null);
}
