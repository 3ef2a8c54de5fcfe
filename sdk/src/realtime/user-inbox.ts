import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';
import { wait } from '../core/wait.ts';

/**
 * How the live connection stands. `connecting`; `live`; `interrupted` (it is coming back by itself, rows are
 * fetched meanwhile); `paused`; `ended` (signed out or unsubscribed: it does not come back).
 */
export type InboxStatus = 'connecting' | 'live' | 'interrupted' | 'paused' | 'ended';

const inboxEvents = ['notification', 'inbox', 'conversation'] as const;

/** What the channel carries: a notification, what changed of notifications, that something changed in a conversation. */
export type InboxEvent = (typeof inboxEvents)[number];

/** Who wants to know what arrives. */
export interface InboxListener {
  onMessage(event: InboxEvent, payload: Record<string, unknown>): void;
  onStatus(status: InboxStatus): void;
}

const reopenDelays = [1000, 2000, 5000, 10_000] as const;

/**
 * The one private channel `user:<id>` of a client, shared by all who listen: realtime-js keeps one channel per
 * topic, so two subscriptions of their own would end one another.
 */
export class UserInbox {
  readonly #client: SupabaseClient;
  readonly #listeners = new Set<InboxListener>();
  #channel: RealtimeChannel | null = null;
  #userId: string | null = null;
  #status: InboxStatus = 'ended';
  #failures = 0;
  // Each opening has a number; what belongs to an older one is ignored.
  #opening = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopAuth: (() => void) | undefined;
  #leaving: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(client: SupabaseClient) {
    this.#client = client;
  }

  get status(): InboxStatus {
    return this.#status;
  }

  /** Listens; the channel opens with the first listener and closes with the last. Returns how to stop. */
  listen(userId: string, listener: InboxListener): () => void {
    if (this.#closed) {
      listener.onStatus('ended');
      return () => {};
    }
    if (this.#listeners.size > 0 && this.#userId !== userId) this.#end();
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#userId = userId;
      this.#watchAuth(userId);
      void this.#open();
    } else {
      listener.onStatus(this.#status);
    }
    return () => {
      if (!this.#listeners.delete(listener)) return;
      if (this.#listeners.size === 0) this.#end();
    };
  }

  /** Leaves the channel and keeps the listeners: for an app that goes to the background. */
  pause(): void {
    if (this.#listeners.size === 0 || this.#status === 'paused') return;
    this.#leave();
    this.#tell('paused');
  }

  /** Comes back after `pause`, or at once instead of after the next delay. */
  resume(): void {
    if (this.#listeners.size === 0 || this.#status === 'live') return;
    this.#failures = 0;
    void this.#open();
  }

  /** Ends for good. Without its connection the channel cannot be left: it goes with it. */
  close({ withConnection }: { withConnection: boolean }): void {
    this.#closed = true;
    if (withConnection) this.#channel = null;
    this.#end();
  }

  async #open(): Promise<void> {
    this.#leave();
    const opening = this.#opening;
    this.#tell('connecting');
    try {
      // realtime-js gives back the old channel of a topic until the server has let it go.
      await Promise.race([this.#leaving, wait(2000)]);
      // Joins with a fresh token: after a night in the background the old one is over.
      await this.#client.auth.getSession();
      await this.#client.realtime.setAuth();
      if (opening !== this.#opening) return;
      if (this.#client.getChannels().some((other) => other.subTopic === `user:${this.#userId}`))
        return this.#reopenLater();
      const channel = this.#client.channel(`user:${this.#userId}`, { config: { private: true } });
      this.#channel = channel;
      for (const event of inboxEvents) {
        channel.on('broadcast', { event }, (message) => {
          if (opening !== this.#opening) return;
          const payload: Record<string, unknown> = message.payload ?? {};
          for (const listener of [...this.#listeners]) listener.onMessage(event, payload);
        });
      }
      channel.subscribe((state) => {
        if (opening !== this.#opening) return;
        if (state === 'SUBSCRIBED') {
          this.#failures = 0;
          this.#tell('live');
        } else if (state === 'CLOSED') {
          // The server closed it (an expired token, a lost right): realtime-js does not come back from that.
          this.#reopenLater();
        } else {
          // realtime-js joins again by itself; it needs a token that is still good.
          this.#tell('interrupted');
          void this.#client.realtime.setAuth().catch(() => {});
        }
      });
    } catch {
      if (opening === this.#opening) this.#reopenLater();
    }
  }

  #reopenLater(): void {
    this.#leave();
    this.#tell('interrupted');
    const delay = reopenDelays[Math.min(this.#failures, reopenDelays.length - 1)] ?? 10_000;
    this.#failures += 1;
    this.#timer = setTimeout(() => void this.#open(), delay * (0.75 + Math.random() * 0.5));
  }

  #leave(): void {
    this.#opening += 1;
    clearTimeout(this.#timer);
    const channel = this.#channel;
    this.#channel = null;
    if (channel) this.#leaving = this.#client.removeChannel(channel).catch(() => {});
  }

  #end(): void {
    this.#leave();
    this.#stopAuth?.();
    this.#stopAuth = undefined;
    this.#userId = null;
    this.#tell('ended');
    this.#listeners.clear();
  }

  #tell(status: InboxStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    for (const listener of [...this.#listeners]) listener.onStatus(status);
  }

  #watchAuth(userId: string): void {
    const { data } = this.#client.auth.onAuthStateChange((event, session) => {
      const gone = event === 'SIGNED_OUT' || (session !== null && session.user.id !== userId);
      // Auth must not be called from within its own listener.
      if (gone) setTimeout(() => this.#userId === userId && this.#end(), 0);
    });
    this.#stopAuth = () => data.subscription.unsubscribe();
  }
}
