import type { CallOptions, Calls } from './core/calls.ts';
import { type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import { requireUserId } from './core/rows.ts';
import type { Notification } from './notifications-rows.ts';
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

  /** How many are unread: the number on the badge. */
  unreadCount(options?: CallOptions): Promise<Result<number>> {
    return this.#calls.rpc('unread_count', {}, options);
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

function done(result: Result<unknown>): Result<null> {
  return mapResult(result, () => null);
}
