import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';
import { type Result, succeed } from '../result.ts';
import type { Uuid } from '../values.ts';
import type { QueueStatus, WaitingRoomStatus } from '../waiting-room-rows.ts';
import { callSafely } from './call-safely.ts';
import type { InboxStatus, UserInbox } from './user-inbox.ts';

/** The handlers of a watched place. They should not throw; what they throw is reported as uncaught. */
export interface QueueWatchHandlers {
  /** The place, at first and whenever something of it changed. */
  onStatus(status: QueueStatus): void;
  /** The person may order now, with `admission_id` until `admission_expires_at`. Once for each admission. */
  onAdmitted?(status: QueueStatus): void;
  /** The place is over: completed, left, expired, or the room is closed. Nothing comes after it. */
  onEnded?(status: QueueStatus): void;
  /** The live connection came or went. While it is gone, the place is read from time to time. */
  onConnection?(status: InboxStatus): void;
}

/** How a place is watched. */
export interface QueueWatchOptions {
  /** How often to read the place while live, in milliseconds; each read keeps the place. Default 60000. */
  checkLiveMs?: number;
  /** How often to read the place while the connection is gone, in milliseconds. Default 10000. */
  checkInterruptedMs?: number;
}

/** A place that is watched and kept. */
export interface QueueSubscription {
  /** What was delivered last. */
  readonly status: QueueStatus;
  /** Reads the place at once: when the app comes back from the background. */
  refresh(): Promise<void>;
  /** Stops watching. The place stays until it was silent for too long; `leave` gives it up. */
  unsubscribe(): void;
}

interface Watched {
  userId: Uuid;
  eventId: Uuid;
  read(): Promise<Result<QueueStatus>>;
}

const longestCheckMs = 120_000;
const joinAgainMs = 2000;

/** How far a queue is, as it is broadcast. */
interface Progress {
  status: WaitingRoomStatus;
  serving_number: number;
  admitted_count: number;
  waiting: number;
  per_minute: number | null;
  at: string;
}

const isProgress = (payload: Record<string, unknown>): payload is Record<string, unknown> & Progress =>
  typeof payload.status === 'string' &&
  typeof payload.serving_number === 'number' &&
  typeof payload.admitted_count === 'number' &&
  typeof payload.at === 'string';

/** The place after the queue has moved on: what the broadcast says of everybody, for this one. */
export function moveOn(place: QueueStatus, progress: Progress): QueueStatus {
  if (place.status !== 'waiting' || Date.parse(progress.at) <= Date.parse(place.server_time)) return place;
  const admitted = Math.max(0, progress.admitted_count - place.admitted_count);
  const position = place.position === null ? null : Math.max(1, place.position - admitted);
  const { per_minute } = progress;
  return {
    ...place,
    room_status: progress.status,
    serving_number: Math.max(place.serving_number, progress.serving_number),
    admitted_count: Math.max(place.admitted_count, progress.admitted_count),
    waiting: progress.waiting,
    per_minute,
    position,
    wait_seconds:
      position !== null && per_minute !== null && per_minute > 0 && progress.status === 'open'
        ? Math.ceil((position * 60) / per_minute)
        : null,
    server_time: progress.at,
  };
}

/**
 * Follows and keeps one place in a queue. One broadcast tells everybody how far the queue is; the caller's place is read when
 * it may have changed, and from time to time, which is also the sign of life that keeps it.
 */
export class QueueFeed implements QueueSubscription {
  readonly #client: SupabaseClient;
  readonly #inbox: UserInbox;
  readonly #watched: Watched;
  readonly #handlers: QueueWatchHandlers;
  readonly #checkLiveMs: number;
  readonly #checkInterruptedMs: number;
  #place: QueueStatus | null = null;
  #admission: string | null = null;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #stopped = false;
  #channel: RealtimeChannel | null = null;
  #joined = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #joinTimer: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;

  constructor(
    client: SupabaseClient,
    inbox: UserInbox,
    watched: Watched,
    handlers: QueueWatchHandlers,
    options: QueueWatchOptions,
  ) {
    this.#client = client;
    this.#inbox = inbox;
    this.#watched = watched;
    this.#handlers = handlers;
    this.#checkLiveMs = Math.min(options.checkLiveMs ?? 60_000, longestCheckMs);
    this.#checkInterruptedMs = Math.min(options.checkInterruptedMs ?? 10_000, longestCheckMs);
  }

  get status(): QueueStatus {
    if (this.#place === null) throw new Error('the place has not been read');
    return this.#place;
  }

  /** Begins. A room that is not there is an error. */
  async start(): Promise<Result<null>> {
    const first = await this.#watched.read();
    if (first.error) return first;
    this.#deliver(first.data);
    if (this.#stopped) return succeed(null);
    this.#stopListening = this.#inbox.listen(this.#watched.userId, {
      onMessage: (event, payload) => {
        // "it is your turn", or what else is told of this queue
        if (event === 'notification' && String(payload.template).startsWith('queue_')) void this.refresh();
      },
      onStatus: (status) => this.#changeConnection(status),
    });
    this.#checkLater();
    return succeed(null);
  }

  refresh(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#reading) this.#readAgain = true;
    else
      this.#reading = this.#read().finally(() => {
        this.#reading = null;
        this.#checkLater();
      });
    return this.#reading ?? Promise.resolve();
  }

  unsubscribe(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#joinTimer);
    this.#stopListening?.();
    this.#leave();
  }

  async #read(): Promise<void> {
    do {
      this.#readAgain = false;
      if (this.#stopped) return;
      const { data, error } = await this.#watched.read();
      // a read that failed is tried again later
      if (error?.code === 'unauthenticated' || error?.code === 'waiting_room_off') return this.unsubscribe();
      if (data) this.#deliver(data);
    } while (this.#readAgain);
  }

  #deliver(place: QueueStatus): void {
    if (this.#stopped) return;
    this.#place = place;
    callSafely(() => this.#handlers.onStatus(place));
    if (
      place.status === 'admitted' &&
      place.admission_id !== null &&
      place.admission_id !== this.#admission
    ) {
      this.#admission = place.admission_id;
      callSafely(() => this.#handlers.onAdmitted?.(place));
    }
    if (place.status === null || place.status === 'waiting' || place.status === 'admitted') return;
    this.unsubscribe();
    callSafely(() => this.#handlers.onEnded?.(place));
  }

  #hear(payload: Record<string, unknown>): void {
    if (this.#stopped || this.#place === null || !isProgress(payload)) return;
    const moved = moveOn(this.#place, payload);
    const isMine =
      payload.status !== this.#place.room_status ||
      (this.#place.number === null
        ? this.#place.status === 'waiting'
        : payload.serving_number >= this.#place.number);
    if (moved !== this.#place) {
      this.#place = moved;
      callSafely(() => this.#handlers.onStatus(moved));
    }
    if (!isMine) return;
    // spread over a moment, because everybody hears the same
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), Math.random() * 2000);
  }

  #changeConnection(status: InboxStatus): void {
    if (this.#stopped) return;
    callSafely(() => this.#handlers.onConnection?.(status));
    if (status === 'ended') {
      this.unsubscribe();
    } else if (status === 'live') {
      this.#join();
      void this.refresh();
    } else {
      this.#checkLater();
    }
  }

  #join(): void {
    clearTimeout(this.#joinTimer);
    if (this.#channel || this.#stopped) return;
    const topic = `queue:${this.#watched.eventId}`;
    // realtime-js gives back the old channel of a topic until the server has let it go
    if (this.#client.getChannels().some((other) => other.subTopic === topic)) {
      this.#joinLater();
      return;
    }
    const channel = this.#client.channel(topic, { config: { private: true } });
    this.#channel = channel;
    channel.on('broadcast', { event: 'progress' }, ({ payload }) => this.#hear(payload ?? {}));
    channel.subscribe((state) => {
      if (this.#stopped || this.#channel !== channel) return;
      this.#joined = state === 'SUBSCRIBED';
      if (state === 'CLOSED') {
        this.#channel = null;
        this.#joinLater();
      }
      if (this.#joined) void this.refresh();
      else this.#checkLater();
    });
  }

  #joinLater(): void {
    this.#joinTimer = setTimeout(() => this.#join(), joinAgainMs);
  }

  #leave(): void {
    const channel = this.#channel;
    this.#channel = null;
    if (channel) void this.#client.removeChannel(channel).catch(() => {});
  }

  #checkLater(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const live = this.#joined && this.#inbox.status === 'live';
    const delay = live ? this.#checkLiveMs : this.#checkInterruptedMs;
    this.#timer = setTimeout(() => void this.refresh(), delay * (0.75 + Math.random() * 0.25));
  }
}
