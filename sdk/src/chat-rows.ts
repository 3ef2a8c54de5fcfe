import type { Nullable, Refine } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { StateOf } from './generated/states.ts';
import type { Timestamp, Uuid } from './values.ts';

/** A conversation as its members see it. `last_seq` is the number of its newest message. */
export interface Conversation extends Refine<Tables['conversations'], { kind: ConversationKind }> {}

/** What a conversation is: of two people, of a group, or of one person with support. */
export type ConversationKind = 'direct' | 'group' | 'support';

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
 * change. A deleted message has `deleted_at`, no `body` and no `attachments`.
 */
export interface Message
  extends Refine<
    Nullable<
      Rows['list_messages'],
      'sender_id' | 'client_message_id' | 'body' | 'reply_to_seq' | 'edited_at' | 'deleted_at'
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

/** What only the signed-in person sees of a conversation. */
export type ConversationMarker = Tables['conversation_markers'];

/** A conversation with support whose person wrote last. */
export interface WaitingForSupport extends Nullable<Rows['support_queue'], 'last_text'> {}

/** An earlier text of a message that was changed. */
export type MessageEdit = Rows['message_edits'];

declare module './core/shapes.ts' {
  interface Shapes {
    conversations: Conversation;
    my_conversations: ConversationSummary;
    list_messages: Message;
    list_message_changes: Message;
    support_queue: WaitingForSupport;
  }
}
