import type { Notification } from '../notifications-rows.ts';
import type { Result } from '../result.ts';
import type { Uuid } from '../values.ts';
import { callSafely } from './call-safely.ts';
import { repairGap, SequenceKeeper } from './sequence-keeper.ts';
import type { InboxEvent, InboxStatus, UserInbox } from './user-inbox.ts';

/** The handlers of a subscription. They should not throw; what they throw is reported as uncaught. */
export interface NotificationHandlers {
  /** Each notification once, in order of `seq`. */
  onNotification(notification: Notification): void;
  /** After missed notifications were fetched and delivered; `count` is how many. */
  onGapRepaired?(count: number): void;
  /** The live connection came or went. While it is gone, notifications are fetched from time to time. */
  onStatus?(status: InboxStatus): void;
  /** The number of unread notifications, for a badge: on joining, and with every change. */
  onUnread?(unread: number): void;
}

/** How a subscription begins and how it checks itself. */
export interface SubscribeOptions {
  /** The newest `seq` the app has stored; everything after it is delivered. Default: only what comes from now on. */
  since?: number;
  /** How often to look for lost messages while live, in milliseconds. Default 300000; 0 for never. */
  checkLiveMs?: number;
  /** How often to fetch while the connection is gone, in milliseconds. Default 15000; 0 for never. */
  checkInterruptedMs?: number;
}

/** A running subscription. */
export interface NotificationSubscription {
  /** The `seq` up to which everything was delivered: store it, and give it as `since` next time. */
  readonly lastSeq: number;
  /** True while live and nothing is known to be missing: the app may say "up to date". */
  readonly gapless: boolean;
  /** The app goes to the background: leaves the channel, delivers nothing until `resume`. */
  pause(): void;
  /** The app is back: joins again, and fetches what was missed. */
  resume(): void;
  /** Ends it. Nothing is delivered afterwards. */
  unsubscribe(): void;
}

/** What the feed needs from the API. */
export interface FeedReads {
  since(seq: number): Promise<Result<Notification[]>>;
  newest(): Promise<Result<Notification[]>>;
  unread(): Promise<Result<number>>;
}

/** Delivers the notifications of one user once, in order, and without holes. */
export class NotificationFeed implements NotificationSubscription {
  readonly #inbox: UserInbox;
  readonly #reads: FeedReads;
  readonly #handlers: NotificationHandlers;
  readonly #checkLiveMs: number;
  readonly #checkInterruptedMs: number;
  #keeper: SequenceKeeper<Notification>;
  #started = false;
  #repairing = false;
  #repairAgain = false;
  #stopped = false;
  #badgeIsStale = false;
  #badgesHeard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;

  constructor(inbox: UserInbox, reads: FeedReads, handlers: NotificationHandlers, options: SubscribeOptions) {
    this.#inbox = inbox;
    this.#reads = reads;
    this.#handlers = handlers;
    this.#checkLiveMs = options.checkLiveMs ?? 300_000;
    this.#checkInterruptedMs = options.checkInterruptedMs ?? 15_000;
    this.#keeper = new SequenceKeeper(options.since ?? 0);
    this.#started = options.since !== undefined;
  }

  get lastSeq(): number {
    return this.#keeper.last;
  }

  get gapless(): boolean {
    return this.#started && !this.#repairing && !this.#keeper.hasGap && this.#inbox.status === 'live';
  }

  /** Begins. Where to begin is read before joining, so that nothing falls between the two. */
  async start(userId: Uuid): Promise<Result<null>> {
    if (!this.#started) {
      const newest = await this.#reads.newest();
      if (newest.error) return newest;
      this.#keeper = new SequenceKeeper(newest.data[0]?.seq ?? 0);
      this.#started = true;
    }
    if (this.#stopped) return { data: null, error: null };
    this.#stopListening = this.#inbox.listen(userId, {
      onMessage: (event, payload) => this.#receive(event, payload),
      onStatus: (status) => this.#changeStatus(status),
    });
    return { data: null, error: null };
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.#inbox.pause();
  }

  resume(): void {
    if (this.#stopped) return;
    this.#inbox.resume();
    void this.#repair();
  }

  unsubscribe(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
  }

  #receive(event: InboxEvent, payload: Record<string, unknown>): void {
    if (this.#stopped || event === 'conversation') return;
    const row = event === 'notification' ? notificationOf(payload) : null;
    if (row) this.#deliver(this.#keeper.accept(row));
    if (typeof payload.last_seq === 'number') this.#keeper.expect(payload.last_seq);
    const { unread } = payload;
    if (typeof unread === 'number') {
      this.#badgesHeard += 1;
      callSafely(() => this.#handlers.onUnread?.(unread));
    }
    if (this.#keeper.hasGap) void this.#repair();
  }

  #changeStatus(status: InboxStatus): void {
    if (this.#stopped) return;
    callSafely(() => this.#handlers.onStatus?.(status));
    // What was sent while we were not joined is only to be had by reading.
    if (status === 'live') {
      this.#badgeIsStale = true;
      void this.#repair();
    } else {
      this.#checkLater();
    }
  }

  async #repair(): Promise<void> {
    if (this.#repairing) {
      this.#repairAgain = true;
      return;
    }
    this.#repairing = true;
    let count: number | null = 0;
    do {
      this.#repairAgain = false;
      const repaired = await repairGap(
        this.#keeper,
        async (seq) => (this.#stopped ? null : (await this.#reads.since(seq)).data),
        (rows) => this.#deliver(rows),
      );
      count = repaired === null ? null : (count ?? 0) + repaired;
    } while (this.#repairAgain && count !== null && !this.#stopped);
    this.#repairing = false;
    if (this.#stopped) return;
    const missed = count ?? 0;
    if (missed > 0) callSafely(() => this.#handlers.onGapRepaired?.(missed));
    if (missed > 0 || this.#badgeIsStale) void this.#readBadge();
    this.#checkLater();
  }

  async #readBadge(): Promise<void> {
    if (!this.#handlers.onUnread) return;
    const heard = this.#badgesHeard;
    const { data } = await this.#reads.unread();
    // What was broadcast meanwhile is newer.
    if (data === null || this.#stopped || heard !== this.#badgesHeard) return;
    this.#badgeIsStale = false;
    callSafely(() => this.#handlers.onUnread?.(data));
  }

  /** A lost last broadcast leaves no hole to see, so one looks again from time to time. */
  #checkLater(): void {
    clearTimeout(this.#timer);
    const { status } = this.#inbox;
    if (this.#stopped || status === 'paused' || status === 'ended') return;
    const quiet = status === 'live' && !this.#keeper.hasGap;
    const delay = quiet ? this.#checkLiveMs : this.#checkInterruptedMs;
    if (delay > 0) this.#timer = setTimeout(() => void this.#repair(), delay * (0.75 + Math.random() * 0.5));
  }

  #deliver(rows: Notification[]): void {
    for (const row of rows) {
      if (this.#stopped) return;
      callSafely(() => this.#handlers.onNotification(row));
    }
  }
}

/** The row of a broadcast, which carries the unread count beside it. */
function notificationOf({ unread: _, ...row }: Record<string, unknown>): Notification | null {
  return typeof row.seq === 'number' && typeof row.id === 'string' ? (row as unknown as Notification) : null;
}
