import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';
import type { Uuid } from '../values.ts';
import { callSafely } from './call-safely.ts';

/** A running look at, or showing of, somebody's presence. */
export interface PresenceSubscription {
  /** Ends it. Nothing is told afterwards. */
  unsubscribe(): void;
}

const joinAgainMs = 1000;

/** The private topic `presence:<user id>`: its person shows that an app is open, and others see whether one is. */
export class PresenceTopic implements PresenceSubscription {
  readonly #client: SupabaseClient;
  readonly #userId: Uuid;
  readonly #shows: boolean;
  readonly #onOnline: (online: boolean) => void;
  #online: boolean | null = null;
  #channel: RealtimeChannel | null = null;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    client: SupabaseClient,
    userId: Uuid,
    { shows, onOnline }: { shows: boolean; onOnline?: (online: boolean) => void },
  ) {
    this.#client = client;
    this.#userId = userId;
    this.#shows = shows;
    this.#onOnline = onOnline ?? (() => {});
    void this.#join();
  }

  unsubscribe(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#leave();
  }

  async #join(): Promise<void> {
    const topic = `presence:${this.#userId}`;
    try {
      // Joins with a fresh token: after a night in the background the old one is over.
      await this.#client.auth.getSession();
      await this.#client.realtime.setAuth();
    } catch {
      this.#joinLater();
      return;
    }
    if (this.#stopped || this.#channel) return;
    // realtime-js gives back the old channel of a topic until the server has let it go.
    if (this.#client.getChannels().some((other) => other.subTopic === topic)) {
      this.#joinLater();
      return;
    }
    const channel = this.#client.channel(topic, {
      config: { private: true, presence: { key: this.#userId } },
    });
    this.#channel = channel;
    channel.on('presence', { event: 'sync' }, () =>
      this.#tell(Object.keys(channel.presenceState()).includes(this.#userId)),
    );
    channel.subscribe((state) => {
      if (this.#stopped || this.#channel !== channel) return;
      if (state === 'SUBSCRIBED') {
        if (this.#shows) void channel.track({}).catch(() => {});
      } else if (state === 'CLOSED') {
        // The server closed it: an expired token, or a right that is gone. realtime-js does not come back from that.
        this.#leave();
        this.#joinLater();
      }
    });
  }

  #joinLater(): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#join(), joinAgainMs);
  }

  #leave(): void {
    const channel = this.#channel;
    this.#channel = null;
    if (channel) void this.#client.removeChannel(channel).catch(() => {});
  }

  #tell(online: boolean): void {
    if (this.#stopped || online === this.#online) return;
    this.#online = online;
    callSafely(() => this.#onOnline(online));
  }
}
