import type { Nullable, Refine } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { StateOf } from './generated/states.ts';
import type { Notification } from './notifications-rows.ts';
import type { Timestamp, Uuid } from './values.ts';

/** A conversation as its members see it. `last_seq` is the number of its newest message. */
export interface Conversation extends Refine<Tables['conversations'], { kind: ConversationKind }> {}

/** What a conversation is: of two people, of a group, of one person with support, or of a complaint and its parties. */
export type ConversationKind = 'direct' | 'group' | 'support' | 'complaint';

/** What a member of a group may do: an admin changes the group, a moderator removes messages and members. */
export type MemberRole = 'admin' | 'moderator' | 'member';

/** A conversation in the list of the signed-in person. */
export interface ConversationSummary
  extends Refine<
    Nullable<
      Rows['my_conversations'],
      | 'title'
      | 'other_user_id'
      | 'other_name'
      | 'other_avatar_path'
      | 'group_avatar_path'
      | 'invited_by'
      | 'last_text'
      | 'last_sender_id'
      | 'muted_until'
      | 'archived_at'
      | 'pinned_at'
    >,
    {
      kind: ConversationKind;
      /** `invited` is a message request that waits for an answer: it shows nothing that was written. */
      status: StateOf<'conversation_member'>;
      role: MemberRole;
    }
  > {}

/** Somebody who takes part in a conversation, or did. */
export interface ConversationMember {
  id: Uuid;
  conversation_id: Uuid;
  user_id: Uuid;
  role: MemberRole;
  status: StateOf<'conversation_member'>;
  /** How far this member has read, as far as they let others know. */
  read_seq: number;
  created_at: Timestamp;
}

/** A member in a list, with name and picture. */
export interface ListedMember extends ConversationMember {
  /** Null when the account was deleted. */
  display_name: string | null;
  /** In the bucket `avatars`. */
  avatar_path: string | null;
}

/** A message as it was sent. */
export type SentMessage = Tables['messages'];

/** A file of a message, in the order in which its sender chose them. */
export interface Attachment {
  media_id: Uuid;
  kind: 'image' | 'video' | 'document';
  /** Of the upload; an image is shown as WebP or JPEG. */
  mime_type: string;
  /** Of the upload, in bytes. */
  byte_size: number;
  /** In pixels, as it is to be seen; null for documents, and for images until they are `ready`. */
  width: number | null;
  height: number | null;
  /** What the sender's device calls it. */
  file_name: string | null;
  /** `ready` can be opened; `processing` soon; `refused` could not be read; `deleted` went with its sender's account. */
  status: 'processing' | 'ready' | 'refused' | 'deleted';
  /** Where it is, for `chat.fileUrls`; null when it is gone, or when the reader left the group or was removed. */
  bucket: string | null;
  path: string | null;
}

/**
 * A message as a reader sees it. `seq` counts without holes in its conversation; `change` is the number of its last
 * change. A deleted message has `deleted_at`, and one that staff has hidden has `hidden_at`; neither has a `body` or
 * `attachments`.
 */
export interface Message
  extends Refine<
    Nullable<
      Rows['list_messages'],
      'sender_id' | 'client_message_id' | 'body' | 'reply_to_seq' | 'edited_at' | 'deleted_at' | 'hidden_at'
    >,
    {
      kind: 'text' | 'system';
      /** Of a system message: `code`, and the ids that it speaks of. */
      data: Record<string, unknown> | null;
      attachments: Attachment[];
      /** Who reacted with what: `{ '👍': [user ids] }`. */
      reactions: Record<string, Uuid[]>;
    }
  > {}

/** A message that was found by its words. */
export interface FoundMessage {
  conversation_id: Uuid;
  seq: number;
  sender_id: Uuid;
  body: string;
  created_at: Timestamp;
  edited_at: Timestamp | null;
}

/**
 * Up to where a device has seen everything. Store it with what it brought, and give it back as it is: it is a snapshot of
 * the database, not a time.
 */
export interface SyncCursor {
  epoch: number;
  seen: string;
  until?: string;
  after?: Uuid;
  notification: number;
}

/** What a person has not seen, without what is muted or archived. */
export interface Badges {
  unread_conversations: number;
  unread_messages: number;
  /** Message requests that wait for an answer. */
  requests: number;
  unread_notifications: number;
}

/** What changed of one conversation. */
export interface ConversationChanges {
  conversation_id: Uuid;
  /** Null when the conversation is no longer in any list: it was declined. */
  summary: ConversationSummary | null;
  /** True when more changed than is sent: forget what you hold of it, and begin with these newest messages. */
  limited: boolean;
  /** In the order of their changes. */
  messages: Message[];
  /** Those who changed; all of them when `limited`; null when they are more than 200. */
  members: ConversationMember[] | null;
}

/** What changed for a person since a device looked last. */
export interface ChatChanges {
  cursor: SyncCursor;
  /** Whether further conversations changed: ask again at once with the new cursor. */
  more: boolean;
  /** Everything begins from nothing: what the device holds is to be forgotten. */
  anew: boolean;
  conversations: ConversationChanges[];
  /** Null while more pages of one look are read. */
  notifications: {
    /** True when more changed than is sent: forget what you hold, and begin with these newest rows. */
    limited: boolean;
    rows: Notification[];
    /** Earlier notifications that were read or deleted. */
    changes: { seq: number; read_at: Timestamp | null; deleted_at: Timestamp | null }[];
  } | null;
  badges: Badges;
}

/** What only the signed-in person sees of a conversation. */
export type ConversationMarker = Tables['conversation_markers'];

/** A conversation with support whose person wrote last. */
export interface WaitingForSupport extends Nullable<Rows['support_queue'], 'last_text'> {}

/** When an app of a person looked last. */
export type LastSeen = Rows['last_seen'];

/** An earlier text of a message that was changed. */
export type MessageEdit = Rows['message_edits'];

declare module './core/shapes.ts' {
  interface Shapes {
    conversations: Conversation;
    my_conversations: ConversationSummary;
    list_members: ListedMember;
    list_messages: Message;
    list_message_changes: Message;
    support_queue: WaitingForSupport;
    search_messages: FoundMessage[];
    sync_chat: ChatChanges;
    badges: Badges;
  }
}
