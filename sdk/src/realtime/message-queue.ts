import type { NewMessage } from '../chat.ts';
import type { SentMessage } from '../chat-rows.ts';
import { createIdempotencyKey } from '../core/ids.ts';
import type { JourneyError } from '../error.ts';
import type { Result } from '../result.ts';
import type { Uuid } from '../values.ts';

/** Where messages are kept until they are sent: `localStorage`, AsyncStorage, or the like. */
export interface QueueStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
}

/** A message that waits to be sent. */
export interface QueuedMessage extends NewMessage {
  conversationId: Uuid;
  clientMessageId: Uuid;
}

/** What becomes of queued messages. */
export interface QueueHandlers {
  /** It was sent, now or by an earlier try. */
  onSent?(message: QueuedMessage, sent: SentMessage): void;
  /** The backend refused it for good; it is no longer in the queue. */
  onRefused?(message: QueuedMessage, error: JourneyError): void;
}

const pauses = [1000, 2000, 5000, 15_000, 30_000] as const;

/** Sends messages in the order in which they were written, one at a time. */
export class MessageQueue {
  readonly #storage: QueueStorage;
  readonly #key: string;
  readonly #send: (conversationId: Uuid, message: NewMessage) => Promise<Result<SentMessage>>;
  readonly #handlers: QueueHandlers;
  #waiting: QueuedMessage[] = [];
  #flushing: Promise<void> | null = null;
  #stopped = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // Writes one after the other: an older list must not replace a newer one.
  #saved: Promise<unknown> = Promise.resolve();

  constructor(
    storage: QueueStorage,
    userId: Uuid,
    send: (conversationId: Uuid, message: NewMessage) => Promise<Result<SentMessage>>,
    handlers: QueueHandlers,
  ) {
    this.#storage = storage;
    // Another person on the same device must not send them.
    this.#key = `journey.chat.queue.${userId}`;
    this.#send = send;
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
  async add(conversationId: Uuid, message: NewMessage): Promise<QueuedMessage> {
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
      const { conversationId, ...message } = next;
      const { data, error } = await this.#send(conversationId, message);
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
  const { conversationId, clientMessageId, body } = (value ?? {}) as Partial<
    Record<keyof QueuedMessage, unknown>
  >;
  return [conversationId, clientMessageId, body].every((part) => typeof part === 'string');
}
