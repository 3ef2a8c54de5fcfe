import type { Access } from './access.ts';
import type { RealtimeContext } from './context.ts';
import type { JoinRequest } from './join.ts';
import { CallWindow } from './limits.ts';
import type { PresenceDiff, PresenceListener } from './presence.ts';
import { isRecord } from './serializer.ts';

/** A presence call that costs the client its channel. */
export class PresenceFatalError extends Error {}

/** The presence part of one channel: what it tracks, and whether it receives the others. */
export class ChannelPresence implements PresenceListener {
  readonly #context: RealtimeContext;
  readonly #key: string;
  readonly #name: string;
  readonly #push: (event: string, payload: unknown) => void;
  readonly #calls: CallWindow;
  #enabled: boolean;
  #tracked: string | null = null;

  constructor(
    context: RealtimeContext,
    key: string,
    request: JoinRequest,
    push: (event: string, payload: unknown) => void,
  ) {
    const { presenceCallsPerWindow, presenceWindowMs } = context.limits;
    this.#context = context;
    this.#key = key;
    this.#name = request.presenceKey;
    this.#push = push;
    this.#enabled = request.presenceEnabled;
    this.#calls = new CallWindow(presenceCallsPerWindow, presenceWindowMs);
  }

  isEnabled(): boolean {
    return this.#enabled;
  }

  /** Sends who is present, and every change from now on. False when the server's rate is used up. */
  sync(access: Access): boolean {
    if (!access.mayRead('presence')) return true;
    if (!this.#context.rates.presence.take()) return false;
    this.#context.presence.listen(this.#key, this);
    this.#push('presence_state', this.#context.presence.state(this.#key));
    return true;
  }

  /**
   * Handles a `presence` event. Answers null, or the response of an error. Throws {@link PresenceFatalError}.
   */
  async handle(message: unknown, access: Access): Promise<{ reason?: string } | null> {
    if (!isRecord(message) || typeof message.event !== 'string') return null;
    if (!this.#calls.take()) throw new PresenceFatalError('Client presence rate limit exceeded');
    const event = message.event.toLowerCase();
    if (event === 'untrack') {
      this.#tracked = null;
      this.#context.presence.untrack(this.#key, this.#name, this);
      return null;
    }
    return event === 'track' ? this.#track(message.payload ?? {}, access) : {};
  }

  presenceChanged(diff: PresenceDiff): void {
    this.#push('presence_diff', diff);
  }

  end(): void {
    this.#context.presence.leave(this.#key, this.#name, this);
  }

  async #track(payload: unknown, access: Access): Promise<{ reason?: string } | null> {
    await access.learnPresence();
    if (!(await access.mayWrite('presence'))) return {};
    if (!isRecord(payload)) return { reason: 'Presence track payload must be a map' };
    const text = JSON.stringify(payload);
    if (text === this.#tracked) return null;
    if (Buffer.byteLength(text) > this.#context.limits.payloadBytes) {
      throw new PresenceFatalError('Track message size exceeded');
    }
    if (!this.#context.rates.presence.take()) {
      throw new PresenceFatalError('Too many presence messages per second');
    }
    this.#context.presence.track(this.#key, this.#name, this, payload);
    this.#tracked = text;
    if (!this.#enabled) {
      // Tracking turns presence on, and the client does not yet know who was here before.
      this.#enabled = true;
      if (!this.sync(access)) throw new PresenceFatalError('Too many presence messages per second');
    }
    return null;
  }
}
