/** What one Realtime server allows. Defaults are the platform's where it has one. */
export interface RealtimeLimits {
  /** Sockets that may hold channels at once. */
  concurrentClients: number;
  channelsPerClient: number;
  /** Joins per second, all clients together, averaged over {@link rateWindowSeconds}. */
  joinsPerSecond: number;
  /**
   * Broadcasts per second that clients send, all together, averaged likewise. Deliveries and
   * broadcasts from the database are not counted: on one machine they are tests and load runs.
   */
  messagesPerSecond: number;
  /** Presence states and changes per second, all clients together, averaged likewise. */
  presenceMessagesPerSecond: number;
  /** `track`/`untrack` calls of one channel within {@link presenceWindowMs}. */
  presenceCallsPerWindow: number;
  presenceWindowMs: number;
  rateWindowSeconds: number;
  /** Largest payload of a broadcast or presence, in bytes. */
  payloadBytes: number;
  /** Largest WebSocket frame or REST body, in bytes. */
  frameBytes: number;
  /**
   * How long a refused join waits for its answer. The platform waits 5 s to slow down reconnect storms. Here
   * there are none, and a developer who mistyped a topic should not wait. DO NOT set it to 0: a client that
   * rejoins in a loop would spin.
   */
  joinErrorDelayMs: number;
  /** A socket that sends nothing for this long is closed. Clients send a heartbeat every 25 s. */
  heartbeatTimeoutMs: number;
  /** A slow reader is disconnected when more than this waits for it, in bytes. */
  bufferedBytes: number;
}

/** The limits of a server without settings. */
export const defaultLimits: RealtimeLimits = {
  concurrentClients: 500,
  channelsPerClient: 100,
  joinsPerSecond: 500,
  messagesPerSecond: 500,
  presenceMessagesPerSecond: 1000,
  presenceCallsPerWindow: 5,
  presenceWindowMs: 30_000,
  rateWindowSeconds: 10,
  payloadBytes: 3_000_000,
  frameBytes: 5_000_000,
  joinErrorDelayMs: 200,
  heartbeatTimeoutMs: 60_000,
  bufferedBytes: 64_000_000,
};

/** Counts events and says when their average over the last seconds is above a limit. */
export class RateWindow {
  readonly #perSecond: number;
  readonly #buckets: number[];
  #total = 0;
  #second: number;
  readonly #now: () => number;

  constructor(perSecond: number, windowSeconds: number, now: () => number = Date.now) {
    this.#perSecond = perSecond;
    this.#buckets = new Array<number>(Math.max(1, windowSeconds)).fill(0);
    this.#now = now;
    this.#second = Math.floor(now() / 1000);
  }

  /** Counts `count` events, unless they would exceed the limit: then counts none and answers false. */
  take(count = 1): boolean {
    this.#forget();
    if (this.#total + count > this.#perSecond * this.#buckets.length) return false;
    const index = this.#second % this.#buckets.length;
    this.#buckets[index] = (this.#buckets[index] ?? 0) + count;
    this.#total += count;
    return true;
  }

  #forget(): void {
    const second = Math.floor(this.#now() / 1000);
    const passed = Math.min(second - this.#second, this.#buckets.length);
    for (let step = 1; step <= passed; step++) {
      const index = (this.#second + step) % this.#buckets.length;
      this.#total -= this.#buckets[index] ?? 0;
      this.#buckets[index] = 0;
    }
    if (second > this.#second) this.#second = second;
  }
}

/** Allows a number of calls per window; the window opens with the first call. */
export class CallWindow {
  readonly #calls: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  #count = 0;
  #resetAt = 0;

  constructor(calls: number, windowMs: number, now: () => number = Date.now) {
    this.#calls = calls;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  take(): boolean {
    const now = this.#now();
    if (now > this.#resetAt) {
      this.#count = 0;
      this.#resetAt = now + this.#windowMs;
    }
    if (this.#count >= this.#calls) return false;
    this.#count++;
    return true;
  }
}
