import { type Caller, CallerError } from '../gateway/caller.ts';
import type { Access } from './access.ts';
import { DatabaseUnavailableError } from './authorize.ts';
import { Broadcast } from './broadcast.ts';
import { ChannelPresence, PresenceFatalError } from './channel-presence.ts';
import type { Connection, RealtimeContext } from './context.ts';
import { type Subscriber, topicKey } from './hub.ts';
import {
  accessFor,
  authorizeJoin,
  type JoinRequest,
  limitJoin,
  NoReadPermissionError,
  parseJoin,
  requirePermittedKind,
} from './join.ts';
import { type ClientMessage, encodeText, isRecord } from './serializer.ts';
import { expiredMessage, verifyToken } from './token.ts';

const longestTimerMs = 3_600_000;
const replicationPollMs = 500;
const replicationDeadlineMs = 10_000;

type Status = 'ok' | 'error';

/** One topic that a socket has joined. Its messages are handled one after the other. */
export class Channel implements Subscriber {
  readonly topic: string;
  readonly joinRef: string | null;
  readonly #context: RealtimeContext;
  readonly #connection: Connection;
  readonly #request: JoinRequest;
  readonly #key: string;
  readonly #presence: ChannelPresence;
  readonly #onEnd: (channel: Channel) => void;
  #access: Access;
  #token: string | null;
  #expiry: NodeJS.Timeout | undefined;
  #readiness: NodeJS.Timeout | undefined;
  #ended = false;
  /** Broadcasts that arrive between the subscription and the answer to the join. */
  #held: Broadcast[] | null = [];
  #replayed = new Set<string>();

  /**
   * Joins, answers, and returns the channel. Throws `JoinRefusedError`. Calls `onEnd` when the server ends the
   * channel by itself.
   */
  static async join(
    context: RealtimeContext,
    connection: Connection,
    message: ClientMessage,
    onEnd: (channel: Channel) => void,
  ): Promise<Channel> {
    const request = parseJoin(message.topic, message.payload);
    limitJoin(context, connection);
    requirePermittedKind(context, request);
    const { caller, access } = await authorizeJoin(context, connection, request);
    const channel = new Channel(context, connection, message, request, access, onEnd);
    await channel.#start(message, caller);
    return channel;
  }

  private constructor(
    context: RealtimeContext,
    connection: Connection,
    message: ClientMessage,
    request: JoinRequest,
    access: Access,
    onEnd: (channel: Channel) => void,
  ) {
    this.topic = message.topic;
    this.joinRef = message.joinRef ?? message.ref;
    this.#context = context;
    this.#connection = connection;
    this.#request = request;
    this.#access = access;
    this.#token = request.token;
    this.#onEnd = onEnd;
    this.#key = topicKey(request.name, request.isPrivate);
    this.#presence = new ChannelPresence(context, this.#key, request, (event, payload) =>
      this.#push(event, payload),
    );
  }

  async #start(message: ClientMessage, caller: Caller): Promise<void> {
    const { replay, name } = this.#request;
    // Subscribes before it reads stored messages, so that none is lost between the two.
    this.#context.hub.subscribe(this.#key, this);
    try {
      const stored = replay ? await this.#context.replay(name, replay.since, replay.limit) : [];
      this.#context.clients.add(this.#connection);
      this.reply(message, 'ok', { postgres_changes: [] });
      for (const content of stored) {
        if (content.meta) this.#replayed.add(content.meta.id);
        this.#sendBroadcast(Broadcast.fromServer(this.topic, content));
      }
    } catch (error) {
      this.end();
      throw error;
    }
    const held = this.#held ?? [];
    this.#held = null;
    for (const broadcast of held) this.deliver(broadcast);
    this.#watchExpiry(caller);
    if (this.#request.presenceEnabled && !this.#presence.sync(this.#access)) {
      this.#close('Too many presence messages per second');
    }
    if (this.#request.wantsReplicationReady) this.#tellReplicationReady(Date.now() + replicationDeadlineMs);
  }

  /** Handles one message of the client. Unknown events are ignored. */
  async handle(message: ClientMessage): Promise<void> {
    if (this.#ended) return;
    if (message.event === 'broadcast') await this.#broadcast(message);
    else if (message.event === 'presence') await this.#trackPresence(message);
    else if (message.event === 'access_token') await this.#refresh(message.payload);
  }

  deliver(broadcast: Broadcast): void {
    if (this.#held) this.#held.push(broadcast);
    else if (broadcast.id !== null && this.#replayed.has(broadcast.id)) return;
    else this.#sendBroadcast(broadcast);
  }

  reply(message: ClientMessage, status: Status, response: unknown): void {
    this.#send(message.joinRef, message.ref, 'phx_reply', { status, response });
  }

  hasEnded(): boolean {
    return this.#ended;
  }

  /** Frees all that the channel holds, and tells the others that it is gone. Says nothing to the client. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#expiry);
    clearTimeout(this.#readiness);
    this.#context.hub.unsubscribe(this.#key, this);
    this.#presence.end();
  }

  /** Tells the client that the channel is over. */
  sayClosed(): void {
    this.#send(this.joinRef, this.joinRef, 'phx_close', {});
  }

  async #broadcast(message: ClientMessage): Promise<void> {
    const { hub, rates, limits } = this.#context;
    if (!(await this.#mayBroadcast())) return;
    if (!rates.messages.take()) return this.#close('Too many messages per second');
    const push = message.broadcast;
    if (push?.metadata.persist) return this.#refusePersist(message);
    const text = push ? '' : JSON.stringify(message.payload ?? {});
    const size = push ? push.body.length : Buffer.byteLength(text);
    if (size > limits.payloadBytes) {
      if (this.#request.ack) this.reply(message, 'error', 'payload_size_exceeded');
      return;
    }
    const broadcast = push ? Broadcast.fromPush(this.topic, push) : Broadcast.fromText(this.topic, text);
    hub.publish(this.#key, broadcast, this.#request.self ? undefined : this);
    if (this.#request.ack) this.reply(message, 'ok', {});
  }

  /** Without permission there is no answer, not even to a client that waits for an ack. */
  async #mayBroadcast(): Promise<boolean> {
    try {
      return (await this.#access.mayWrite('broadcast')) && !this.#ended;
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      this.#context.log(`Realtime dropped a broadcast: ${error.message}`);
      return false;
    }
  }

  #refusePersist(message: ClientMessage): void {
    const error = 'Storing a message is not served here. Call realtime.send() in the database instead';
    if (this.#request.ack) this.reply(message, 'error', { error });
    else this.#system('error', error);
  }

  async #trackPresence(message: ClientMessage): Promise<void> {
    try {
      const refusal = await this.#presence.handle(message.payload, this.#access);
      if (!this.#ended) this.reply(message, refusal ? 'error' : 'ok', refusal ?? {});
    } catch (error) {
      if (error instanceof PresenceFatalError) this.#close(error.message);
      else if (error instanceof DatabaseUnavailableError) this.reply(message, 'error', {});
      else throw error;
    }
  }

  /** On a new token the policies are asked again. The channel ends when they no longer permit reading. */
  async #refresh(payload: unknown): Promise<void> {
    const token = isRecord(payload) ? payload.access_token : null;
    if (typeof token !== 'string' || token.startsWith('sb_') || token === this.#token) return;
    try {
      const caller = await verifyToken(this.#context.keys, token);
      const request = { ...this.#request, presenceEnabled: this.#presence.isEnabled() };
      const access = await accessFor(this.#context, this.#connection, request, caller);
      if (this.#ended) return;
      const previous = this.#access;
      const lost = (['broadcast', 'presence'] as const).some(
        (extension) => previous.mayRead(extension) && !access.mayRead(extension),
      );
      if (lost) {
        return this.#close(
          `You no longer have permission to read from this Channel topic: ${this.#request.name}`,
        );
      }
      this.#token = token;
      this.#access = access;
      this.#watchExpiry(caller);
    } catch (error) {
      if (error instanceof CallerError || error instanceof NoReadPermissionError) this.#close(error.message);
      else if (error instanceof DatabaseUnavailableError) {
        this.#close('Realtime was unable to connect to the project database');
      } else throw error;
    }
  }

  #watchExpiry(caller: Caller): void {
    clearTimeout(this.#expiry);
    const { exp } = caller.claims;
    if (exp === undefined || this.#ended) return;
    const left = exp * 1000 - Date.now();
    const check = () =>
      Date.now() < exp * 1000 ? this.#watchExpiry(caller) : this.#close(expiredMessage(exp));
    this.#expiry = setTimeout(check, Math.min(Math.max(left, 0), longestTimerMs));
  }

  #tellReplicationReady(deadline: number): void {
    if (this.#ended) return;
    if (this.#context.isReplicating()) this.#system('ok', 'Replication connection established');
    else if (Date.now() >= deadline) this.#close('Replication connection was not established in time');
    else this.#readiness = setTimeout(() => this.#tellReplicationReady(deadline), replicationPollMs);
  }

  #close(reason: string): void {
    if (this.#ended) return;
    this.#system('error', reason);
    this.end();
    this.sayClosed();
    this.#onEnd(this);
  }

  #system(status: Status, message: string): void {
    this.#push('system', { extension: 'system', status, message, channel: this.#request.name });
  }

  #sendBroadcast(broadcast: Broadcast): void {
    if (!this.#access.mayRead('broadcast')) return;
    const frame = broadcast.frame(this.#connection.version);
    if (frame) this.#connection.send(frame);
  }

  #push(event: string, payload: unknown): void {
    this.#send(this.joinRef, null, event, payload);
  }

  #send(joinRef: string | null, ref: string | null, event: string, payload: unknown): void {
    const payloadJson = JSON.stringify(payload);
    this.#connection.send(
      encodeText(this.#connection.version, { joinRef, ref, topic: this.topic, event, payloadJson }),
    );
  }
}
