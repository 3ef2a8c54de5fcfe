import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';
import type { ClassAvailability, EventAvailability } from '../events-rows.ts';
import type { SeatRow } from '../orders-rows.ts';
import { type Result, succeed } from '../result.ts';
import type { Uuid } from '../values.ts';
import { callSafely } from './call-safely.ts';

/** The handlers of a watched event. They should not throw; what they throw is reported as uncaught. */
export interface EventWatchHandlers {
  /** What can be had of the event, at first and whenever something of it changed. */
  onChange(availability: EventAvailability): void;
  /** Whole rows of seats: all of them at first and after a gap, then each row in which a seat changed. */
  onSeats?(rows: SeatRow[]): void;
  /** The live connection came or went. While it is gone, the event is read from time to time. */
  onConnection?(live: boolean): void;
}

/** How an event is watched. */
export interface EventWatchOptions {
  /** Shows hidden kinds of tickets too. Their changes are not broadcast; they are found when the event is read. */
  unlockCode?: string;
  /** Only the seats of this section. */
  section?: string;
  /** How often to read the event while live, in milliseconds. Default 60000. */
  checkLiveMs?: number;
  /** How often to read the event while the connection is gone, in milliseconds. Default 10000. */
  checkInterruptedMs?: number;
}

/** An event that is watched. */
export interface EventSubscription {
  /** What was delivered last. */
  readonly availability: EventAvailability;
  /** Reads the event at once: when the app comes back from the background. */
  refresh(): Promise<void>;
  unsubscribe(): void;
}

interface Watched {
  eventId: Uuid;
  read(): Promise<Result<EventAvailability>>;
  readSeats(): Promise<Result<SeatRow[]>>;
  /** Ends the watching when the client is closed. */
  closing: AbortSignal;
}

const joinAgainMs = 2000;

/** What is broadcast of an event. */
interface News {
  seq: number;
  at: string;
  status: EventAvailability['status'];
  classes: ClassAvailability[];
  rows: { id: Uuid; free: string }[] | null;
}

const isNews = (payload: Record<string, unknown>): payload is Record<string, unknown> & News =>
  typeof payload.seq === 'number' &&
  typeof payload.at === 'string' &&
  typeof payload.status === 'string' &&
  Array.isArray(payload.classes);

/** The event after a broadcast. What is hidden is in no broadcast, and stays as it was read. */
export function hearNews(known: EventAvailability, news: News): EventAvailability {
  const told = new Map(news.classes.map((one) => [one.id, one]));
  const kept = known.classes.map((one) => told.get(one.id) ?? one);
  const added = news.classes.filter(({ id }) => !known.classes.some((one) => one.id === id));
  return {
    event_id: known.event_id,
    status: news.status,
    classes: [...kept, ...added],
    seq: news.seq,
    at: news.at,
  };
}

/**
 * Follows what can be had of an event: by its broadcasts, which are numbered, and by reading it again after a gap and from
 * time to time. It needs nobody to be signed in.
 */
export class AvailabilityFeed implements EventSubscription {
  readonly #client: SupabaseClient;
  readonly #watched: Watched;
  readonly #handlers: EventWatchHandlers;
  readonly #checkLiveMs: number;
  readonly #checkInterruptedMs: number;
  #known: EventAvailability | null = null;
  /** The last broadcast that was heard or read: its seats are known. */
  #seq = 0;
  #seats = new Map<Uuid, SeatRow>();
  #seatsAreKnown = false;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #stopped = false;
  #channel: RealtimeChannel | null = null;
  #live = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #joinTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #onClosing = () => this.unsubscribe();

  constructor(
    client: SupabaseClient,
    watched: Watched,
    handlers: EventWatchHandlers,
    { checkLiveMs = 60_000, checkInterruptedMs = 10_000 }: EventWatchOptions,
  ) {
    this.#client = client;
    this.#watched = watched;
    this.#handlers = handlers;
    this.#checkLiveMs = checkLiveMs;
    this.#checkInterruptedMs = checkInterruptedMs;
  }

  get availability(): EventAvailability {
    if (!this.#known) throw new Error('the event was not read yet');
    return this.#known;
  }

  /** Begins. An event that is not there is an error. */
  async start(): Promise<Result<null>> {
    const first = await this.#watched.read();
    if (first.error) return first;
    this.#watched.closing.addEventListener('abort', this.#onClosing);
    this.#take(first.data);
    await this.#readSeats();
    void this.#join();
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
    this.#watched.closing.removeEventListener('abort', this.#onClosing);
    this.#leave();
  }

  async #read(): Promise<void> {
    do {
      this.#readAgain = false;
      if (this.#stopped) return;
      const { data } = await this.#watched.read();
      // a read that failed is tried again later
      if (data) {
        this.#take(data);
        await this.#readSeats();
      }
    } while (this.#readAgain);
  }

  #take(read: EventAvailability): void {
    if (this.#stopped) return;
    // a broadcast that came meanwhile may be newer
    if (this.#known && Date.parse(read.at) < Date.parse(this.#known.at)) return;
    if (read.seq > this.#seq) this.#seatsAreKnown = false;
    this.#seq = Math.max(this.#seq, read.seq);
    this.#deliver(read);
  }

  #deliver(next: EventAvailability): void {
    const before = this.#known;
    this.#known = next;
    const isNew =
      before === null ||
      before.status !== next.status ||
      JSON.stringify(before.classes) !== JSON.stringify(next.classes);
    if (isNew) callSafely(() => this.#handlers.onChange(next));
  }

  async #readSeats(): Promise<void> {
    if (!this.#handlers.onSeats || this.#seatsAreKnown || this.#stopped) return;
    // what is broadcast meanwhile makes it read once more
    this.#seatsAreKnown = true;
    const { data } = await this.#watched.readSeats();
    if (!data) {
      this.#seatsAreKnown = false;
      return;
    }
    this.#seats = new Map(data.map((row) => [row.id, row]));
    this.#tellSeats(data);
    if (!this.#seatsAreKnown) this.#readAgain = true;
  }

  #tellSeats(rows: SeatRow[]): void {
    if (this.#stopped || rows.length === 0) return;
    callSafely(() => this.#handlers.onSeats?.(rows));
  }

  #hear(payload: Record<string, unknown>): void {
    if (this.#stopped || !this.#known || !isNews(payload) || payload.seq <= this.#seq) return;
    // a broadcast that was missed may have told of seats
    const missed = payload.seq > this.#seq + 1;
    this.#seq = payload.seq;
    if (Date.parse(payload.at) >= Date.parse(this.#known.at)) this.#deliver(hearNews(this.#known, payload));
    if (!this.#handlers.onSeats) return;
    if (missed || payload.rows === null || this.#reading) {
      this.#seatsAreKnown = false;
      // spread over a moment, because everybody hears the same
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.refresh(), Math.random() * 2000);
      return;
    }
    const changed: SeatRow[] = [];
    for (const { id, free } of payload.rows) {
      const row = this.#seats.get(id);
      if (row === undefined) continue;
      const seats = row.seats.map((seat, i) => ({ ...seat, is_free: free[i] === '1' }));
      const next = { ...row, seats };
      this.#seats.set(id, next);
      changed.push(next);
    }
    this.#tellSeats(changed);
  }

  async #join(): Promise<void> {
    clearTimeout(this.#joinTimer);
    const topic = `event:${this.#watched.eventId}`;
    try {
      // Joins with a fresh token: after a night in the background the old one is over.
      await this.#client.auth.getSession();
      await this.#client.realtime.setAuth();
    } catch {
      return this.#joinLater();
    }
    if (this.#channel || this.#stopped) return;
    // realtime-js gives back the old channel of a topic until the server has let it go
    if (this.#client.getChannels().some((other) => other.subTopic === topic)) return this.#joinLater();
    const channel = this.#client.channel(topic, { config: { private: true } });
    this.#channel = channel;
    channel.on('broadcast', { event: 'availability' }, ({ payload }) => this.#hear(payload ?? {}));
    channel.subscribe((state) => {
      if (this.#stopped || this.#channel !== channel) return;
      this.#connect(state === 'SUBSCRIBED');
      if (state === 'CLOSED') {
        this.#leave();
        this.#joinLater();
      }
      if (this.#live) void this.refresh();
      else this.#checkLater();
    });
  }

  #connect(live: boolean): void {
    if (live === this.#live) return;
    this.#live = live;
    callSafely(() => this.#handlers.onConnection?.(live));
  }

  #joinLater(): void {
    clearTimeout(this.#joinTimer);
    if (!this.#stopped) this.#joinTimer = setTimeout(() => void this.#join(), joinAgainMs);
  }

  #leave(): void {
    const channel = this.#channel;
    this.#channel = null;
    if (channel) void this.#client.removeChannel(channel).catch(() => {});
  }

  #checkLater(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const delay = this.#live ? this.#checkLiveMs : this.#checkInterruptedMs;
    this.#timer = setTimeout(() => void this.refresh(), delay * (0.75 + Math.random() * 0.25));
  }
}
