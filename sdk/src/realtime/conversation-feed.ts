import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';
import type { Message } from '../chat-rows.ts';
import { type Result, succeed } from '../result.ts';
import type { Uuid } from '../values.ts';
import { callSafely } from './call-safely.ts';
import type { InboxStatus, UserInbox } from './user-inbox.ts';

/** The handlers of an open conversation. They should not throw; what they throw is reported as uncaught. */
export interface ConversationHandlers {
  /**
   * A message that was sent, changed, deleted or reacted to, in the order of the changes. Store it by its `seq`, in the
   * place of what you have: the same message comes again with each change.
   */
  onMessage(message: Message): void;
  /** Somebody is typing. It is over when nothing more comes for five seconds. */
  onTyping?(userId: Uuid): void;
  /** Who has the conversation open, and says so. */
  onPresence?(userIds: Uuid[]): void;
  /** How far somebody has read. */
  onRead?(userId: Uuid, readSeq: number): void;
  /** People or title changed: read them anew. */
  onMembers?(): void;
  /** The live connection came or went. While it is gone, messages are fetched from time to time. */
  onStatus?(status: InboxStatus): void;
}

/** How an open conversation begins. */
export interface WatchOptions {
  /** The highest `change` that the app has stored; everything after it is delivered. Default: from the first message. */
  since?: number;
  /** Whether others see that the person is there; the backend refuses it when the profile does not show presence. Default false. */
  present?: boolean;
  /** How often to look for lost messages while live, in milliseconds. Default 60000; 0 for never. */
  checkLiveMs?: number;
  /** How often to fetch while the connection is gone, in milliseconds. Default 10000; 0 for never. */
  checkInterruptedMs?: number;
}

/** An open conversation. */
export interface ConversationSubscription {
  /** The `change` up to which everything was delivered: store it, and give it as `since` next time. */
  readonly lastChange: number;
  /** Says that the person is typing; call it with each key, it is sent every two seconds at most. */
  typing(): void;
  /** Reads at once what is missing; resolves when everything that is known of was delivered. */
  refresh(): Promise<void>;
  /** Ends it. Nothing is delivered afterwards. */
  unsubscribe(): void;
}

interface Watched {
  userId: Uuid;
  conversationId: Uuid;
  read(afterChange: number): Promise<Result<Message[]>>;
}

const typingEveryMs = 2000;
const pageSize = 100;
const joinAgainMs = 500;

/**
 * Follows one conversation. Broadcasts only say that there is something new, on the person's own topic and on that of
 * the conversation; messages are read, in the order of their changes, so that a lost broadcast loses nothing.
 */
export class ConversationFeed implements ConversationSubscription {
  readonly #client: SupabaseClient;
  readonly #inbox: UserInbox;
  readonly #watched: Watched;
  readonly #handlers: ConversationHandlers;
  readonly #present: boolean;
  readonly #checkLiveMs: number;
  readonly #checkInterruptedMs: number;
  #last: number;
  #known = 0;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #stopped = false;
  #channel: RealtimeChannel | null = null;
  #typedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;

  constructor(
    client: SupabaseClient,
    inbox: UserInbox,
    watched: Watched,
    handlers: ConversationHandlers,
    options: WatchOptions,
  ) {
    this.#client = client;
    this.#inbox = inbox;
    this.#watched = watched;
    this.#handlers = handlers;
    this.#last = options.since ?? 0;
    this.#present = options.present ?? false;
    this.#checkLiveMs = options.checkLiveMs ?? 60_000;
    this.#checkInterruptedMs = options.checkInterruptedMs ?? 10_000;
  }

  get lastChange(): number {
    return this.#last;
  }

  /** Begins: what there is already comes first, and a conversation that is not there is an error. */
  async start(): Promise<Result<null>> {
    const { userId, read } = this.#watched;
    const first = await read(this.#last);
    if (first.error) return first;
    this.#deliver(first.data);
    this.#stopListening = this.#inbox.listen(userId, {
      onMessage: (event, payload) => {
        if (event === 'conversation' && payload.conversation_id === this.#watched.conversationId)
          this.#hear(payload);
      },
      onStatus: (status) => this.#changeStatus(status),
    });
    this.#join();
    await this.refresh();
    return succeed(null);
  }

  refresh(): Promise<void> {
    if (this.#reading) this.#readAgain = true;
    else
      this.#reading = this.#readOn().finally(() => {
        this.#reading = null;
        this.#checkLater();
      });
    return this.#reading ?? Promise.resolve();
  }

  typing(): void {
    const now = Date.now();
    if (!this.#channel || now - this.#typedAt < typingEveryMs) return;
    this.#typedAt = now;
    const payload = { user_id: this.#watched.userId };
    void this.#channel.send({ type: 'broadcast', event: 'typing', payload }).catch(() => {});
  }

  unsubscribe(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#leave();
  }

  #join(): void {
    if (this.#channel || this.#stopped) return;
    const { conversationId, userId } = this.#watched;
    const topic = `conversation:${conversationId}`;
    // realtime-js gives back the old channel of a topic until the server has let it go. Messages come by the inbox.
    if (this.#client.getChannels().some((other) => other.subTopic === topic)) {
      setTimeout(() => this.#join(), joinAgainMs);
      return;
    }
    const channel = this.#client.channel(topic, {
      config: { private: true, presence: { key: userId } },
    });
    this.#channel = channel;
    channel.on('broadcast', { event: 'changed' }, ({ payload }) => this.#hear(payload ?? {}));
    channel.on('broadcast', { event: 'members' }, () => callSafely(() => this.#handlers.onMembers?.()));
    channel.on('broadcast', { event: 'read' }, ({ payload }) => {
      const { user_id, read_seq } = payload ?? {};
      if (typeof user_id === 'string' && typeof read_seq === 'number' && user_id !== userId)
        callSafely(() => this.#handlers.onRead?.(user_id, read_seq));
    });
    channel.on('broadcast', { event: 'typing' }, ({ payload }) => {
      const { user_id } = payload ?? {};
      if (typeof user_id === 'string' && user_id !== userId)
        callSafely(() => this.#handlers.onTyping?.(user_id));
    });
    channel.on('presence', { event: 'sync' }, () => {
      const there = Object.keys(channel.presenceState()).filter((id) => id !== userId);
      callSafely(() => this.#handlers.onPresence?.(there));
    });
    channel.subscribe((state) => {
      if (this.#stopped) return;
      if (state === 'SUBSCRIBED') {
        if (this.#present) void channel.track({}).catch(() => {});
        void this.refresh();
      } else if (state === 'CLOSED') {
        // The server closed it: an expired token, or the person was removed. The inbox says when it is worth a try.
        if (this.#channel === channel) this.#channel = null;
      }
    });
  }

  #leave(): void {
    const channel = this.#channel;
    this.#channel = null;
    if (channel) void this.#client.removeChannel(channel).catch(() => {});
  }

  #hear(payload: Record<string, unknown>): void {
    if (typeof payload.last_change === 'number') this.#known = Math.max(this.#known, payload.last_change);
    if (this.#known > this.#last) void this.refresh();
  }

  #changeStatus(status: InboxStatus): void {
    if (this.#stopped) return;
    callSafely(() => this.#handlers.onStatus?.(status));
    if (status === 'live') {
      this.#join();
      void this.refresh();
    } else {
      this.#checkLater();
    }
  }

  /** A page that is not full was the last: numbers are given in the order of the commits. A failed read is begun again later. */
  async #readOn(): Promise<void> {
    do {
      this.#readAgain = false;
      for (;;) {
        if (this.#stopped) return;
        const { data } = await this.#watched.read(this.#last);
        if (!data) return;
        this.#deliver(data);
        if (data.length < pageSize) break;
      }
    } while (this.#readAgain);
  }

  #deliver(messages: Message[]): void {
    for (const message of messages) {
      if (this.#stopped || message.change <= this.#last) continue;
      this.#last = message.change;
      callSafely(() => this.#handlers.onMessage(message));
    }
  }

  /** A lost last broadcast leaves no hole to see, so one looks again from time to time. */
  #checkLater(): void {
    clearTimeout(this.#timer);
    const { status } = this.#inbox;
    if (this.#stopped || status === 'paused' || status === 'ended') return;
    const quiet = status === 'live' && this.#known <= this.#last;
    const delay = quiet ? this.#checkLiveMs : this.#checkInterruptedMs;
    if (delay > 0) this.#timer = setTimeout(() => void this.refresh(), delay * (0.75 + Math.random() * 0.5));
  }
}
