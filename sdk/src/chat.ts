import type {
  Attachment,
  Badges,
  ChatChanges,
  Conversation,
  ConversationMarker,
  ConversationSummary,
  FoundMessage,
  LastSeen,
  ListedMember,
  MemberRole,
  Message,
  MessageEdit,
  SentMessage,
  SyncCursor,
  WaitingForSupport,
} from './chat-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { createIdempotencyKey } from './core/ids.ts';
import { type List, type PageOptions, readList } from './core/pages.ts';
import { localError, requireUserId } from './core/rows.ts';
import { MediaFiles, type Shown } from './media.ts';
import type { StoredFile } from './media-rows.ts';
import {
  ChatStore,
  type ChatStoreHandlers,
  type ChatStoreOptions,
  type StoreReads,
  storePage,
} from './realtime/chat-store.ts';
import {
  ConversationFeed,
  type ConversationHandlers,
  type ConversationSubscription,
  type WatchOptions,
} from './realtime/conversation-feed.ts';
import {
  type LocalFile,
  MessageQueue,
  type QueueHandlers,
  type QueueStorage,
} from './realtime/message-queue.ts';
import { type PresenceSubscription, PresenceTopic } from './realtime/presence-topic.ts';
import type { UserInbox } from './realtime/user-inbox.ts';
import { fail, type Result, succeed } from './result.ts';
import type { Timestamp, Uuid } from './values.ts';

/** An upload that is sent in a message. */
export interface NewAttachment {
  mediaId: Uuid;
  /** What the device calls it, for people to read: at most 120 characters, a path is taken off. */
  name?: string | null;
}

/** A message to be sent. */
export interface NewMessage {
  /** Plain text, 1 to 4,000 characters. May be left out when there are files. */
  body?: string | null;
  /** Up to 10 files, uploaded with the purpose `chat_image`, `chat_video` or `chat_document`, each sent once. */
  files?: NewAttachment[];
  /** The `seq` of the message that this one answers. */
  replyToSeq?: number;
  /** Members whom it mentions. */
  mentions?: Uuid[];
  /** Made by the app, so that the message is there once however often it is sent. Default: a new one per call. */
  clientMessageId?: Uuid;
}

/** Conversations of the signed-in person. */
export class Chat {
  readonly #calls: Calls;
  readonly #inbox: UserInbox;
  readonly #media: MediaFiles;

  constructor(calls: Calls, inbox: UserInbox) {
    this.#calls = calls;
    this.#media = new MediaFiles(calls);
    this.#inbox = inbox;
  }

  /**
   * The conversations, the one with the newest message first; message requests have `status: 'invited'`.
   * Errors: `invalid_input`.
   *
   * @example `const { data: page } = await journey.chat.list(); const unread = page?.rows.map((row) => row.unread);`
   */
  list(
    { archived = false, ...page }: PageOptions & { archived?: boolean } = {},
    options?: CallOptions,
  ): List<ConversationSummary> {
    type Place = Pick<ConversationSummary, 'last_message_at' | 'conversation_id'>;
    const read = (page_size: number, place?: Place) => {
      const after = place && { last_message_at: place.last_message_at, id: place.conversation_id };
      return this.#calls.rpc('my_conversations', { archived, after, page_size }, options);
    };
    return readList({ by: ['last_message_at', 'conversation_id'], read }, page, options);
  }

  /** How many conversations have something unread, without muted and archived ones. */
  unreadCount(options?: CallOptions): Promise<Result<number>> {
    return this.#calls.rpc('unread_conversations', {}, options);
  }

  /**
   * What the person has not seen, for badges: conversations and their messages, requests and notifications.
   *
   * @example `const { data: badges } = await journey.chat.badges(); // badges?.unread_messages`
   */
  badges(options?: CallOptions): Promise<Result<Badges>> {
    return this.#calls.rpc('badges', {}, options);
  }

  /**
   * Shows others that the person is online, for as long as the app is open: those who talk with them in a direct
   * conversation. Nothing is shown when the profile does not show presence; end it when the person switches that off.
   *
   * @example `const { data: online } = await journey.chat.showOnline(); // online?.unsubscribe() in the background`
   */
  async showOnline(): Promise<Result<PresenceSubscription>> {
    const user = await requireUserId(this.#calls);
    if (user.error) return user;
    return succeed(new PresenceTopic(this.#calls.client, user.data, { shows: true }));
  }

  /**
   * Tells whether somebody is online, at once and with each change: of those who talk with the signed-in person in a
   * direct conversation and show it. For anybody else nothing is told.
   *
   * @example
   * ```ts
   * const { data: look } = await journey.chat.watchOnline(host.user_id, (online) => paint(online));
   * look?.unsubscribe();
   * ```
   */
  async watchOnline(
    userId: Uuid,
    onOnline: (online: boolean) => void,
  ): Promise<Result<PresenceSubscription>> {
    const user = await requireUserId(this.#calls);
    if (user.error) return user;
    return succeed(new PresenceTopic(this.#calls.client, userId, { shows: false, onOnline }));
  }

  /**
   * When an app of these people looked last, to five minutes: of those who talk with the signed-in person in a direct
   * conversation and show it. At most 100 ids.
   * Errors: `invalid_input`.
   */
  lastSeen(userIds: Uuid[], options?: CallOptions): Promise<Result<LastSeen[]>> {
    return this.#calls.rpc('last_seen', { user_ids: userIds }, options);
  }

  /**
   * What changed of conversations and notifications since a device looked last, in one snapshot. Give the cursor that
   * the last call answered, or null on a new device; call again at once while the answer says `more`.
   * {@link Chat.store} does this, and holds what comes.
   * Errors: `conversation_not_found`, `invalid_input`, `rate_limited`.
   */
  sync(cursor: SyncCursor | null, options?: CallOptions): Promise<Result<ChatChanges>> {
    return this.#calls.rpc('sync_chat', { cursor }, options);
  }

  /**
   * The one conversation with another person; it is made when there is none. People who have a booking with each other
   * write at once; anybody else is asked first.
   * Errors: `not_found`, `conversation_closed`, `account_suspended`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: conversation } = await journey.chat.openDirect(booking.host_id);
   * if (conversation) await journey.chat.send(conversation.id, { body: 'When can I pick up the car?' });
   * ```
   */
  openDirect(userId: Uuid, options?: CallOptions): Promise<Result<Conversation>> {
    return this.#calls.rpc('open_direct_conversation', { user_id: userId }, options);
  }

  /**
   * The conversation with support; it is made when there is none.
   * Errors: `rate_limited`.
   */
  openSupport(options?: CallOptions): Promise<Result<Conversation>> {
    return this.#calls.rpc('open_support_conversation', {}, options);
  }

  /**
   * Starts a group with the signed-in person as its admin. Strangers get an invitation.
   * Errors: `invalid_input`, `not_found`, `group_full`, `account_suspended`, `rate_limited`.
   */
  createGroup(title: string, userIds: Uuid[], options?: CommandOptions): Promise<Result<Conversation>> {
    return this.#calls.rpc('create_group', { title, user_ids: userIds }, options);
  }

  /**
   * Admin of a group: changes its title.
   * Errors: `conversation_not_found`, `forbidden`, `account_suspended`, `invalid_input`, `rate_limited`.
   */
  renameGroup(conversationId: Uuid, title: string, options?: CallOptions): Promise<Result<Conversation>> {
    return this.#calls.rpc('rename_group', { conversation_id: conversationId, title }, options);
  }

  /**
   * Admin of a group: sets its picture, an upload of purpose `group_avatar` that is ready, or removes it with null.
   * Errors: `conversation_not_found`, `forbidden`, `account_suspended`, `media_not_found`, `media_not_ready`,
   * `media_in_use`, `rate_limited`.
   */
  setGroupAvatar(
    conversationId: Uuid,
    mediaId: Uuid | null,
    options?: CallOptions,
  ): Promise<Result<Conversation>> {
    return this.#calls.rpc(
      'set_group_avatar',
      { conversation_id: conversationId, media_id: mediaId },
      options,
    );
  }

  /** The people of a conversation that the signed-in person takes part in, with names; everybody who was ever in it. */
  members(conversationId: Uuid, options?: CallOptions): Promise<Result<ListedMember[]>> {
    return this.#calls.rpc('list_members', { in_conversation_id: conversationId }, options);
  }

  /**
   * Admin or moderator of a group: adds people, or invites them when they are strangers.
   * Errors: `conversation_not_found`, `forbidden`, `not_found`, `group_full`, `account_suspended`,
   * `invalid_input`, `rate_limited`.
   */
  addMembers(conversationId: Uuid, userIds: Uuid[], options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('add_members', { conversation_id: conversationId, user_ids: userIds }, options);
  }

  /**
   * Admin or moderator of a group: removes a member.
   * Errors: `conversation_not_found`, `forbidden`, `not_found`, `last_group_admin`, `rate_limited`.
   */
  removeMember(conversationId: Uuid, userId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('remove_member', { conversation_id: conversationId, user_id: userId }, options);
  }

  /**
   * Admin of a group: gives a member another role.
   * Errors: `conversation_not_found`, `forbidden`, `not_found`, `last_group_admin`, `invalid_input`,
   * `rate_limited`.
   */
  setMemberRole(
    conversationId: Uuid,
    userId: Uuid,
    role: MemberRole,
    options?: CallOptions,
  ): Promise<Result<null>> {
    const args = { conversation_id: conversationId, user_id: userId, role };
    return this.#calls.rpc('set_member_role', args, options);
  }

  /**
   * Leaves a group.
   * Errors: `conversation_not_found`, `forbidden`, `last_group_admin`, `rate_limited`.
   */
  leave(conversationId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('leave_conversation', { conversation_id: conversationId }, options);
  }

  /**
   * Accepts or declines a message request or an invitation. Nobody is told of a refusal.
   * Errors: `conversation_not_found`, `invalid_input`, `rate_limited`.
   */
  answerRequest(conversationId: Uuid, accept: boolean, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('answer_request', { conversation_id: conversationId, accept }, options);
  }

  /**
   * Sends a message, with files or without. Without a connection use {@link Chat.queue}.
   * Errors: `conversation_not_found`, `conversation_closed` (left, removed, a block, or a complaint that was
   * closed), `request_unanswered`, `account_suspended`, `media_not_found`, `media_not_ready`, `media_in_use`,
   * `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: photo } = await journey.media.upload({ purpose: 'chat_image', file, mimeType: 'image/jpeg' });
   * if (photo) await journey.chat.send(conversationId, { body: 'The scratch', files: [{ mediaId: photo.id }] });
   * ```
   */
  send(conversationId: Uuid, message: NewMessage, options?: CallOptions): Promise<Result<SentMessage>> {
    const args = {
      conversation_id: conversationId,
      body: message.body ?? null,
      client_message_id: message.clientMessageId ?? createIdempotencyKey(),
      reply_to_seq: message.replyToSeq ?? null,
      mentions: message.mentions ?? [],
      attachments: (message.files ?? []).map(({ mediaId, name }) => ({
        media_id: mediaId,
        file_name: name ?? null,
      })),
    };
    return this.#calls.rpc('send_message', args, options);
  }

  /**
   * Changes the signed-in person's own message while it is new.
   * Errors: `conversation_not_found`, `conversation_closed`, `message_not_found`, `message_hidden`,
   * `forbidden`, `edit_window_over`, `invalid_input`, `rate_limited`.
   */
  edit(conversationId: Uuid, seq: number, body: string, options?: CallOptions): Promise<Result<SentMessage>> {
    return this.#calls.rpc('edit_message', { conversation_id: conversationId, seq, body }, options);
  }

  /**
   * Deletes a message; its number stays.
   * Errors: `conversation_not_found`, `conversation_closed`, `message_not_found`, `forbidden`,
   * `rate_limited`.
   */
  remove(conversationId: Uuid, seq: number, options?: CallOptions): Promise<Result<SentMessage>> {
    return this.#calls.rpc('delete_message', { conversation_id: conversationId, seq }, options);
  }

  /**
   * Deletes a file of the signed-in person's own: out of its message, or before it was sent. A message that showed
   * nothing else is deleted with it.
   * Errors: `media_not_found`, `conversation_not_found` (left or removed), `conversation_closed`,
   * `message_not_found`, `rate_limited`.
   */
  removeFile(mediaId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('delete_attachment', { media_id: mediaId }, options);
  }

  /**
   * Addresses under which files of messages can be opened until they expire (default 300 seconds: anybody who leaves the
   * group keeps an address until then). They come in the order of the files; null for one that is not ready, is gone, or
   * may not be opened. `size` counts for images.
   */
  fileUrls(
    files: readonly Attachment[],
    { expiresIn = 300, ...options }: CallOptions & Shown = {},
  ): Promise<Result<(string | null)[]>> {
    const stored = files.map(({ bucket, path, status }): StoredFile | null =>
      bucket !== null && path !== null && status === 'ready' ? { bucket, path, status } : null,
    );
    return this.#media.signedUrls(stored, { ...options, expiresIn });
  }

  /**
   * Adds a reaction to a message, or takes it back.
   * Errors: `conversation_not_found`, `conversation_closed`, `message_not_found`, `forbidden` (a block or a
   * suspension), `too_many_reactions`, `invalid_input`, `rate_limited`.
   */
  react(
    conversationId: Uuid,
    seq: number,
    emoji: string,
    there = true,
    options?: CallOptions,
  ): Promise<Result<null>> {
    return this.#calls.rpc('react', { conversation_id: conversationId, seq, emoji, there }, options);
  }

  /**
   * Marks a conversation as read up to a message, on all devices. With `shared: false`, or when the profile
   * does not share read marks, the others do not see it.
   * Errors: `conversation_not_found`, `invalid_input`.
   */
  markRead(
    conversationId: Uuid,
    seq: number,
    { shared = true }: { shared?: boolean } = {},
    options?: CallOptions,
  ): Promise<Result<null>> {
    return this.#calls.rpc(
      'mark_conversation_read',
      { conversation_id: conversationId, seq, shared },
      options,
    );
  }

  /**
   * Mutes, archives or pins a conversation for the signed-in person. `mutedUntil` is a time, `infinity`, or null.
   * Errors: `conversation_not_found`, `invalid_input`.
   */
  set(
    conversationId: Uuid,
    state: { mutedUntil: Timestamp | null; archived: boolean; pinned: boolean },
    options?: CallOptions,
  ): Promise<Result<ConversationMarker>> {
    const args = {
      conversation_id: conversationId,
      muted_until: state.mutedUntil,
      archived: state.archived,
      pinned: state.pinned,
    };
    return this.#calls.rpc('set_conversation', args, options);
  }

  /**
   * Messages of a conversation, newest first.
   * Errors: `conversation_not_found`, `invalid_input`.
   */
  messages(
    { conversationId, ...page }: PageOptions & { conversationId: Uuid },
    options?: CallOptions,
  ): List<Message> {
    const read = (page_size: number, after?: { seq: number }) =>
      this.#calls.rpc(
        'list_messages',
        { conversation_id: conversationId, before_seq: after?.seq ?? null, page_size },
        options,
      );
    return readList({ by: ['seq'], read }, page, options);
  }

  /**
   * Finds messages by the beginnings of their words, with or without diacritics, newest first: in one conversation, or in
   * all of the signed-in person. `query` has 2 to 80 characters in at most 8 words.
   * Errors: `conversation_not_found`, `invalid_input`, `rate_limited`.
   *
   * @example `const { data: page } = await journey.chat.search({ query: 'ha noi' });`
   */
  search(
    { query, conversationId, ...page }: PageOptions & { query: string; conversationId?: Uuid },
    options?: CallOptions,
  ): List<FoundMessage> {
    const read = (page_size: number, after?: object) => {
      const args = { q: query, conversation_id: conversationId ?? null, after, page_size };
      return this.#calls.rpc('search_messages', args, options);
    };
    return readList({ by: ['created_at', 'conversation_id', 'seq'], read }, page, options);
  }

  /**
   * Messages that were sent, changed, deleted or reacted to after a change, in the order of the changes, at most 100. An
   * app that stores messages gives the highest `change` that it has stored.
   * Errors: `conversation_not_found`, `invalid_input`.
   */
  changesSince(conversationId: Uuid, change: number, options?: CallOptions): Promise<Result<Message[]>> {
    const args = { conversation_id: conversationId, after_change: change };
    return this.#calls.rpc('list_message_changes', args, options);
  }

  /**
   * Follows an open conversation: every change of a message once and in order, live, and by reading whatever the
   * connection lost; who is typing, who is there, and how far others have read.
   * Errors: `conversation_not_found`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: open } = await journey.chat.watch(conversationId, {
   *   onMessage: (message) => console.log(message.seq, message.body),
   *   onTyping: (userId) => console.log(`${userId} is typing`),
   * });
   * open?.typing();
   * open?.unsubscribe();
   * ```
   */
  async watch(
    conversationId: Uuid,
    handlers: ConversationHandlers,
    options: WatchOptions = {},
  ): Promise<Result<ConversationSubscription>> {
    const user = await requireUserId(this.#calls);
    if (user.error) return user;
    const feed = new ConversationFeed(
      this.#calls.client,
      this.#inbox,
      { userId: user.data, conversationId, read: (change) => this.changesSince(conversationId, change) },
      handlers,
      options,
    );
    const started = await feed.start();
    return started.error ? started : succeed(feed);
  }

  /**
   * Holds the conversations and notifications of the signed-in person on this device, and keeps them as the server has
   * them. It listens to the one topic of the person; open a conversation with {@link Chat.watch} to see who is typing and
   * who is there.
   * Errors: `conversation_not_found`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const saved = JSON.parse(localStorage.getItem('chat') ?? 'null');
   * const { data: store } = await journey.chat.store({ onBadges: (badges) => show(badges) }, { saved });
   * // …
   * localStorage.setItem('chat', JSON.stringify(store?.save()));
   * ```
   */
  async store(handlers: ChatStoreHandlers = {}, options: ChatStoreOptions = {}): Promise<Result<ChatStore>> {
    const user = await requireUserId(this.#calls);
    if (user.error) return user;
    const reads: StoreReads = {
      sync: (cursor) => this.sync(cursor),
      older: (conversationId, beforeSeq) => readOlder(this.#calls, conversationId, beforeSeq),
    };
    const store = new ChatStore(this.#inbox, user.data, reads, handlers, options);
    const started = await store.start();
    return started.error ? started : succeed(store);
  }

  /**
   * A queue of the signed-in person for messages that are written without a connection. They are stored, sent in order
   * when it is back, each once, also after the app was killed. A file that is still on the device is uploaded before its
   * message is sent.
   * Errors: `conversation_not_found`, `conversation_closed` (left, removed, a block, or a complaint that was
   * closed), `request_unanswered`, `account_suspended`, `media_not_found`, `media_not_ready`, `media_in_use`,
   * `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: queue } = await journey.chat.queue(localStorage, {
   *   onRefused: (message, error) => alert(error.code),
   * });
   * await queue?.add(conversationId, { body: 'On my way' });
   * ```
   */
  async queue(storage: QueueStorage, handlers: QueueHandlers = {}): Promise<Result<MessageQueue>> {
    const user = await requireUserId(this.#calls);
    if (user.error) return user;
    const send = async (conversationId: Uuid, message: NewMessage): Promise<Result<SentMessage>> => {
      const now = await requireUserId(this.#calls);
      if (now.error) return now;
      return now.data === user.data
        ? this.send(conversationId, message)
        : fail(localError('unauthenticated'));
    };
    const upload = ({ purpose, mimeType }: LocalFile, file: Blob | ArrayBuffer | Uint8Array) =>
      this.#media.upload({ purpose, mimeType, file }, { waitMs: 0 });
    const queue = new MessageQueue(storage, user.data, { send, upload }, handlers);
    await queue.start();
    return succeed(queue);
  }
}

/** Conversations for people with the role `support` or `admin`. */
export class AdminChat {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Who waits for an answer of support, the longest waiting first.
   * Errors: `forbidden`, `invalid_input`.
   */
  supportQueue(page: PageOptions = {}, options?: CallOptions): List<WaitingForSupport> {
    type Place = Pick<WaitingForSupport, 'waiting_since' | 'conversation_id'>;
    const read = (page_size: number, place?: Place) => {
      const after = place && { waiting_since: place.waiting_since, id: place.conversation_id };
      return this.#calls.rpc('support_queue', { after, page_size }, options);
    };
    return readList({ by: ['waiting_since', 'conversation_id'], read }, page, options);
  }

  /**
   * Takes part in a person's conversation with support, or in that of a complaint.
   * Errors: `forbidden`, `conversation_not_found`.
   */
  joinSupport(conversationId: Uuid, options?: CallOptions): Promise<Result<Conversation>> {
    return this.#calls.rpc('join_support_conversation', { conversation_id: conversationId }, options);
  }

  /**
   * Brings a person into the conversation of a complaint, who reads all of it.
   * Errors: `forbidden`, `conversation_not_found`, `not_found`.
   */
  addComplaintMember(conversationId: Uuid, userId: Uuid, options?: CallOptions): Promise<Result<null>> {
    const args = { conversation_id: conversationId, user_id: userId };
    return this.#calls.rpc('add_complaint_member', args, options);
  }

  /**
   * Takes a person, also oneself, out of the conversation of a complaint. The one who complains stays.
   * Errors: `forbidden`, `conversation_not_found`, `not_found`.
   */
  removeComplaintMember(conversationId: Uuid, userId: Uuid, options?: CallOptions): Promise<Result<null>> {
    const args = { conversation_id: conversationId, user_id: userId };
    return this.#calls.rpc('remove_complaint_member', args, options);
  }

  /**
   * The earlier texts of a message that was changed, the oldest first.
   * Errors: `forbidden`.
   */
  edits(conversationId: Uuid, seq: number, options?: CallOptions): Promise<Result<MessageEdit[]>> {
    return this.#calls.rpc('message_edits', { conversation_id: conversationId, seq }, options);
  }
}

/** A page of messages for a store, which asks by the lowest number that it holds. */
function readOlder(calls: Calls, conversationId: Uuid, beforeSeq: number | null): Promise<Result<Message[]>> {
  return calls.rpc('list_messages', {
    conversation_id: conversationId,
    before_seq: beforeSeq,
    page_size: storePage,
  });
}
