import type { NewAttachment, NewMessage } from '../chat.ts';
import type { SentMessage } from '../chat-rows.ts';
import { createIdempotencyKey } from '../core/ids.ts';
import { localError } from '../core/rows.ts';
import type { JourneyError } from '../error.ts';
import type { Media, MediaPurpose } from '../media-rows.ts';
import { fail, type Result, succeed } from '../result.ts';
import type { Uuid } from '../values.ts';

/** Where messages are kept until they are sent: `localStorage`, AsyncStorage, or the like. */
export interface QueueStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
}

/** A file that is still on the device, by what `readFile` of the app takes: a path, a URI, a key of its own. */
export interface LocalFile {
  local: string;
  purpose: Extract<MediaPurpose, `chat_${string}`>;
  mimeType: string;
  name?: string | null;
}

/** A message for the queue; its files may still be on the device. */
export interface MessageToQueue extends Omit<NewMessage, 'files'> {
  files?: (NewAttachment | LocalFile)[];
}

/** A message that waits to be sent. */
export interface QueuedMessage extends MessageToQueue {
  conversationId: Uuid;
  clientMessageId: Uuid;
}

/** What becomes of queued messages. */
export interface QueueHandlers {
  /** It was sent, now or by an earlier try. */
  onSent?(message: QueuedMessage, sent: SentMessage): void;
  /** The backend refused it for good; it is no longer in the queue. */
  onRefused?(message: QueuedMessage, error: JourneyError): void;
  /** Reads a file from the device when its turn comes. Needed for messages with a {@link LocalFile}. */
  readFile?(local: string): Promise<Blob | ArrayBuffer | Uint8Array>;
}

interface Connection {
  send(conversationId: Uuid, message: NewMessage): Promise<Result<SentMessage>>;
  upload(file: LocalFile, bytes: Blob | ArrayBuffer | Uint8Array): Promise<Result<Media>>;
}

const pauses = [1000, 2000, 5000, 15_000, 30_000] as const;

/** Sends messages in the order in which they were written, one at a time. */
export class MessageQueue {
  readonly #storage: QueueStorage;
  readonly #key: string;
  readonly #connection: Connection;
  readonly #handlers: QueueHandlers;
  #waiting: QueuedMessage[] = [];
  #flushing: Promise<void> | null = null;
  #stopped = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // Writes one after the other: an older list must not replace a newer one.
  #saved: Promise<unknown> = Promise.resolve();

  constructor(storage: QueueStorage, userId: Uuid, connection: Connection, handlers: QueueHandlers) {
    this.#storage = storage;
    // Another person on the same device must not send them.
    this.#key = `journey.chat.queue.${userId}`;
    this.#connection = connection;
    this.#handlers = handlers;
  }

  /** The messages that wait, the oldest first, for the app to show. */
  get waiting(): readonly QueuedMessage[] {
    return this.#waiting;
  }

  /** Loads what an earlier run of the app has left, and begins to send. Called by `chat.queue`. */
  async start(): Promise<void> {
    const stored = await this.#storage.getItem(this.#key);
    this.#waiting = readStored(stored);
    void this.flush();
  }

  /** Stores a message and sends it as soon as it can be. It resolves when the message is stored. */
  async add(conversationId: Uuid, message: MessageToQueue): Promise<QueuedMessage> {
    const queued = {
      ...message,
      conversationId,
      clientMessageId: message.clientMessageId ?? createIdempotencyKey(),
    };
    this.#waiting.push(queued);
    await this.#save();
    void this.flush();
    return queued;
  }

  /** Tries again at once, e.g. when the device says that it is online. Resolves when nothing more can be sent now. */
  flush(): Promise<void> {
    this.#flushing ??= this.#sendAll().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #sendAll(): Promise<void> {
    clearTimeout(this.#timer);
    while (!this.#stopped) {
      const next = this.#waiting[0];
      if (!next) return;
      const uploaded = await this.#upload(next);
      const { conversationId, ...message } = next;
      const { data, error } = uploaded.error
        ? uploaded
        : await this.#connection.send(conversationId, { ...message, files: uploaded.data });
      if (error && isPassing(error)) {
        this.#tryLater(error);
        return;
      }
      this.#failures = 0;
      this.#waiting.shift();
      await this.#save();
      if (error) this.#handlers.onRefused?.(next, error);
      else this.#handlers.onSent?.(next, data);
    }
  }

  /** Uploads what is still on the device, and remembers each file that is not. */
  async #upload(message: QueuedMessage): Promise<Result<NewAttachment[]>> {
    const done: NewAttachment[] = [];
    for (const [i, file] of (message.files ?? []).entries()) {
      if ('mediaId' in file) {
        done.push(file);
        continue;
      }
      const bytes = await this.#read(file.local);
      if (!bytes) return fail(localError('media_not_found', { problem: 'it is not on the device any more' }));
      const { data, error } = await this.#connection.upload(file, bytes);
      if (error) return fail(error);
      const attachment = { mediaId: data.id, name: file.name ?? null };
      done.push(attachment);
      message.files?.splice(i, 1, attachment);
      await this.#save();
    }
    return succeed(done);
  }

  async #read(local: string): Promise<Blob | ArrayBuffer | Uint8Array | null> {
    try {
      return (await this.#handlers.readFile?.(local)) ?? null;
    } catch {
      return null;
    }
  }

  /** Stops sending; what waits stays stored. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #tryLater(error: JourneyError): void {
    if (this.#stopped || error.code === 'aborted') return;
    const asked = Number(error.details.retry_after ?? 0) * 1000;
    const pause = pauses[Math.min(this.#failures, pauses.length - 1)] ?? 30_000;
    this.#failures += 1;
    this.#timer = setTimeout(() => void this.flush(), Math.max(asked, pause) * (0.75 + Math.random() * 0.5));
  }

  #save(): Promise<unknown> {
    this.#saved = this.#saved.then(() => this.#storage.setItem(this.#key, JSON.stringify(this.#waiting)));
    return this.#saved;
  }
}

/** Closing the client, or signing out, ends a call; its message stays for the next start. */
function isPassing({ code, retryable, outcome }: JourneyError): boolean {
  return retryable || outcome === 'unknown' || code === 'aborted' || code === 'unauthenticated';
}

/** What cannot be read is of another version, or damaged: nothing of it can be sent. */
function readStored(stored: string | null): QueuedMessage[] {
  try {
    const list: unknown = JSON.parse(stored ?? '[]');
    return Array.isArray(list) ? list.filter(isQueued) : [];
  } catch {
    return [];
  }
}

function isQueued(value: unknown): value is QueuedMessage {
  const { conversationId, clientMessageId, body, files } = (value ?? {}) as Partial<
    Record<keyof QueuedMessage, unknown>
  >;
  const hasFiles = Array.isArray(files) && files.length > 0;
  return (
    [conversationId, clientMessageId].every((part) => typeof part === 'string') &&
    (typeof body === 'string' || hasFiles)
  );
}
