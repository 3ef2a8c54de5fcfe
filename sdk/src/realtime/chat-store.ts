import type {
  Badges,
  ChatChanges,
  ConversationChanges,
  ConversationMember,
  ConversationSummary,
  Message,
  SyncCursor,
} from '../chat-rows.ts';
import type { Notification } from '../notifications-rows.ts';
import { type Result, succeed } from '../result.ts';
import type { Uuid } from '../values.ts';
import { callSafely } from './call-safely.ts';
import type { InboxStatus, UserInbox } from './user-inbox.ts';

/** A conversation as a device holds it. */
export interface HeldConversation {
  readonly summary: ConversationSummary;
  /** Messages by their `seq`: the newest ones without a hole, and as many older ones as were asked for. */
  readonly messages: ReadonlyMap<number, Message>;
  /** Everybody who takes part, or did; empty when they are more than 200, or when the person has left. */
  readonly members: ReadonlyMap<Uuid, ConversationMember>;
  /** Whether there are no older messages than these. */
  readonly hasAll: boolean;
}

/** What a device keeps between two runs of the app, as plain JSON. */
export interface SavedChat {
  userId: Uuid;
  cursor: SyncCursor;
  conversations: {
    summary: ConversationSummary;
    messages: Message[];
    members: ConversationMember[];
    hasAll: boolean;
  }[];
  notifications: Notification[];
  badges: Badges;
}

/** What a store tells. They should not throw; what they throw is reported as uncaught. */
export interface ChatStoreHandlers {
  /** These conversations changed, or are gone; and whether notifications did. */
  onChange?(conversationIds: Uuid[], notifications: boolean): void;
  /** What the person has not seen, with every change of it. */
  onBadges?(badges: Badges): void;
  /** The live connection came or went. While it is gone, the store looks from time to time. */
  onStatus?(status: InboxStatus): void;
}

/** How a store begins. */
export interface ChatStoreOptions {
  /** What `save` answered in an earlier run of the app. */
  saved?: SavedChat | null;
  /** How long to wait after a broadcast for more of them, in milliseconds. Default 250. */
  gatherMs?: number;
  /** How often to look for what was lost while live, in milliseconds. Default 60000; 0 for never. */
  checkLiveMs?: number;
  /** How often to look while the connection is gone, in milliseconds. Default 10000; 0 for never. */
  checkInterruptedMs?: number;
}

/** What the store needs from the API. */
export interface StoreReads {
  sync(cursor: SyncCursor | null): Promise<Result<ChatChanges>>;
  older(conversationId: Uuid, beforeSeq: number | null): Promise<Result<Message[]>>;
}

interface Held {
  summary: ConversationSummary;
  messages: Map<number, Message>;
  members: Map<Uuid, ConversationMember>;
  hasAll: boolean;
}

/** As many messages as a conversation begins with, and as a page of older ones has. */
export const storePage = 30;

/**
 * Holds the conversations and notifications of one person as the server has them. Broadcasts on the person's own topic
 * only say that there is something new; what it is comes by `sync_chat`, so that a lost broadcast loses nothing.
 */
export class ChatStore {
  readonly #inbox: UserInbox;
  readonly #userId: Uuid;
  readonly #reads: StoreReads;
  readonly #handlers: ChatStoreHandlers;
  readonly #gatherMs: number;
  readonly #checkLiveMs: number;
  readonly #checkInterruptedMs: number;
  #cursor: SyncCursor | null = null;
  readonly #conversations = new Map<Uuid, Held>();
  readonly #notifications = new Map<number, Notification>();
  #badges: Badges = { unread_conversations: 0, unread_messages: 0, requests: 0, unread_notifications: 0 };
  // One after the other: a page of older messages must not be read before a change of them and stored after it.
  #turn: Promise<unknown> = Promise.resolve();
  #next: Promise<Result<null>> | null = null;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;

  constructor(
    inbox: UserInbox,
    userId: Uuid,
    reads: StoreReads,
    handlers: ChatStoreHandlers,
    options: ChatStoreOptions,
  ) {
    this.#inbox = inbox;
    this.#userId = userId;
    this.#reads = reads;
    this.#handlers = handlers;
    this.#gatherMs = options.gatherMs ?? 250;
    this.#checkLiveMs = options.checkLiveMs ?? 60_000;
    this.#checkInterruptedMs = options.checkInterruptedMs ?? 10_000;
    const { saved } = options;
    // What another person left on the device is not shown.
    if (saved?.userId === userId) this.#load(saved);
  }

  /** The conversations, by their id. */
  get conversations(): ReadonlyMap<Uuid, HeldConversation> {
    return this.#conversations;
  }

  /** The newest notifications, by their `seq`. */
  get notifications(): ReadonlyMap<number, Notification> {
    return this.#notifications;
  }

  /** What the person has not seen. */
  get badges(): Badges {
    return this.#badges;
  }

  /** Begins. Without a connection it begins with what was saved, and looks again later. */
  async start(): Promise<Result<null>> {
    const first = await this.refresh();
    if (first.error && !this.#cursor) return first;
    if (!this.#stopped)
      this.#stopListening = this.#inbox.listen(this.#userId, {
        onMessage: () => this.#gather(),
        onStatus: (status) => this.#changeStatus(status),
      });
    return succeed(null);
  }

  /** Asks at once for what changed; resolves when the store holds what the server held when it was called. */
  refresh(): Promise<Result<null>> {
    // who waits for a look that has not begun yet shares it
    this.#next ??= this.#inTurn(() => {
      this.#next = null;
      return this.#look();
    });
    return this.#next;
  }

  /** Reads a page of older messages into the store. Answers whether there are more. */
  loadOlder(conversationId: Uuid): Promise<Result<boolean>> {
    return this.#inTurn(async () => {
      const held = this.#conversations.get(conversationId);
      if (!held || held.hasAll) return succeed(false);
      const { data, error } = await this.#reads.older(conversationId, lowest(held.messages));
      if (error) return { data: null, error };
      for (const message of data) held.messages.set(message.seq, message);
      held.hasAll = data.length < storePage;
      callSafely(() => this.#handlers.onChange?.([conversationId], false));
      return succeed(!held.hasAll);
    });
  }

  /** What to store on the device, to begin with next time; null before the first look. */
  save(): SavedChat | null {
    return (
      this.#cursor && {
        userId: this.#userId,
        cursor: this.#cursor,
        conversations: [...this.#conversations.values()].map(({ summary, messages, members, hasAll }) => ({
          summary,
          messages: [...messages.values()],
          members: [...members.values()],
          hasAll,
        })),
        notifications: [...this.#notifications.values()],
        badges: this.#badges,
      }
    );
  }

  /** Ends it. Nothing is told afterwards. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#gathering);
    this.#stopListening?.();
  }

  #load(saved: SavedChat): void {
    this.#cursor = saved.cursor;
    for (const { summary, messages, members, hasAll } of saved.conversations)
      this.#conversations.set(summary.conversation_id, {
        summary,
        messages: new Map(messages.map((message) => [message.seq, message])),
        members: new Map(members.map((member) => [member.user_id, member])),
        hasAll,
      });
    for (const notification of saved.notifications) this.#notifications.set(notification.seq, notification);
    this.#badges = saved.badges;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** One look, page by page. What a failed one has brought stays; the next goes on from there. */
  async #look(): Promise<Result<null>> {
    try {
      for (;;) {
        if (this.#stopped) return succeed(null);
        const { data, error } = await this.#reads.sync(this.#cursor);
        if (error) return { data: null, error };
        if (this.#stopped) return succeed(null);
        this.#apply(data);
        if (!data.more) return succeed(null);
      }
    } finally {
      this.#checkLater();
    }
  }

  #apply(changes: ChatChanges): void {
    const gone = changes.anew ? [...this.#conversations.keys()] : [];
    if (changes.anew) this.#conversations.clear();
    for (const one of changes.conversations) this.#applyConversation(one);
    if (changes.notifications) this.#applyNotifications(changes.notifications);
    this.#cursor = changes.cursor;
    const { notifications } = changes;
    const ids = new Set([...gone, ...changes.conversations.map((one) => one.conversation_id)]);
    const told = notifications !== null && (notifications.limited || notifications.rows.length > 0);
    if (ids.size > 0 || told || (notifications?.changes.length ?? 0) > 0)
      callSafely(() => this.#handlers.onChange?.([...ids], told || (notifications?.changes.length ?? 0) > 0));
    const before = JSON.stringify(this.#badges);
    this.#badges = changes.badges;
    if (JSON.stringify(changes.badges) !== before)
      callSafely(() => this.#handlers.onBadges?.(changes.badges));
  }

  #applyConversation({ conversation_id, summary, limited, messages, members }: ConversationChanges): void {
    if (!summary) {
      this.#conversations.delete(conversation_id);
      return;
    }
    const before = this.#conversations.get(conversation_id);
    const held: Held =
      before && !limited
        ? before
        : { summary, messages: new Map(), members: new Map(), hasAll: messages.length < storePage };
    held.summary = summary;
    const from = held.hasAll ? 0 : (lowest(held.messages) ?? 0);
    for (const message of messages) {
      // a change of a message that is older than all that is held comes with its page
      if (message.seq < from) continue;
      held.messages.set(message.seq, message);
    }
    if (members === null || summary.status !== 'active') held.members.clear();
    for (const member of members ?? []) held.members.set(member.user_id, member);
    this.#conversations.set(conversation_id, held);
  }

  #applyNotifications({ limited, rows, changes }: NonNullable<ChatChanges['notifications']>): void {
    if (limited) this.#notifications.clear();
    for (const row of rows) this.#notifications.set(row.seq, row);
    for (const { seq, read_at, deleted_at } of changes) {
      const held = this.#notifications.get(seq);
      if (deleted_at !== null) this.#notifications.delete(seq);
      else if (held) this.#notifications.set(seq, { ...held, read_at });
    }
  }

  /** A burst of broadcasts is one look. */
  #gather(): void {
    if (this.#stopped || this.#gathering) return;
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      void this.refresh();
    }, this.#gatherMs);
  }

  #changeStatus(status: InboxStatus): void {
    if (this.#stopped) return;
    callSafely(() => this.#handlers.onStatus?.(status));
    // What was sent while we were not joined is only to be had by reading.
    if (status === 'live') void this.refresh();
    else this.#checkLater();
  }

  /** A lost last broadcast leaves nothing to see, so one looks again from time to time. */
  #checkLater(): void {
    clearTimeout(this.#timer);
    const { status } = this.#inbox;
    if (this.#stopped || status === 'paused' || status === 'ended') return;
    const delay = status === 'live' ? this.#checkLiveMs : this.#checkInterruptedMs;
    if (delay > 0) this.#timer = setTimeout(() => void this.refresh(), delay * (0.75 + Math.random() * 0.5));
  }
}

function lowest(messages: ReadonlyMap<number, Message>): number | null {
  return messages.size === 0 ? null : Math.min(...messages.keys());
}
