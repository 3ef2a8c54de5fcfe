import type { RawData, WebSocket } from 'ws';
import type { Caller } from '../gateway/caller.ts';
import { Channel } from './channel.ts';
import type { Connection, RealtimeContext } from './context.ts';
import { JoinRefusedError } from './join.ts';
import {
  type ClientMessage,
  decodeFrame,
  encodeText,
  type Frame,
  ProtocolError,
  type ProtocolVersion,
} from './serializer.ts';

/** How many messages of one topic may wait while the database is asked. More is a flood. */
const laneLimit = 5000;

/** One client's WebSocket, and the channels it has joined. */
export class ClientSocket implements Connection {
  readonly version: ProtocolVersion;
  readonly caller: Caller;
  readonly headers: Record<string, string>;
  readonly #context: RealtimeContext;
  readonly #ws: WebSocket;
  readonly #channels = new Map<string, Channel>();
  /** Per topic, the work of the last message, so that messages of one topic keep their order. */
  readonly #lanes = new Map<string, { tail: Promise<void>; length: number }>();
  /** The last join's work. One at a time: all at once would pass the limit of channels, and keep the database from others. */
  #joins: Promise<void> = Promise.resolve();
  #heardAt = Date.now();

  constructor(
    context: RealtimeContext,
    ws: WebSocket,
    handshake: { version: ProtocolVersion; caller: Caller; headers: Record<string, string> },
  ) {
    this.version = handshake.version;
    this.caller = handshake.caller;
    this.headers = handshake.headers;
    this.#context = context;
    this.#ws = ws;
    ws.on('message', (data, binary) => this.#receive(data, binary));
    ws.on('pong', () => this.#seen());
    // Without a listener, an error of the connection would end the process. 'close' follows it.
    ws.on('error', () => undefined);
    ws.on('close', () => this.#ended());
  }

  channelCount(): number {
    return this.#channels.size;
  }

  send(frame: Frame): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (this.#ws.bufferedAmount > this.#context.limits.bufferedBytes) {
      this.#context.log('Realtime cut off a client that reads too slowly');
      this.#ws.terminate();
      return;
    }
    this.#ws.send(frame.data, { binary: frame.binary });
  }

  /** Closes a socket that has been silent for longer than its heartbeats allow. */
  closeIfSilent(now: number): void {
    if (now - this.#heardAt > this.#context.limits.heartbeatTimeoutMs) this.close(1000, 'heartbeat timeout');
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
    setTimeout(() => this.#ws.terminate(), 500).unref();
  }

  #seen(): void {
    this.#heardAt = Date.now();
  }

  #receive(data: RawData, binary: boolean): void {
    this.#seen();
    let message: ClientMessage | null;
    try {
      message = decodeFrame(this.version, toBuffer(data), binary);
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#context.log(`Realtime failed to read a frame: ${error}`);
      this.close(1007, error instanceof ProtocolError ? error.message : 'unreadable frame');
      return;
    }
    if (!message) return;
    if (message.topic === 'phoenix') {
      if (message.event === 'heartbeat') this.#reply(message, 'ok', {});
      return;
    }
    this.#enqueue(message);
  }

  #enqueue(message: ClientMessage): void {
    const lane = this.#lanes.get(message.topic) ?? { tail: Promise.resolve(), length: 0 };
    this.#lanes.set(message.topic, lane);
    if (lane.length >= laneLimit) {
      this.close(1008, 'Too many messages per second');
      return;
    }
    lane.length++;
    lane.tail = lane.tail
      .then(() => this.#handle(message))
      .catch((error: unknown) => {
        this.#context.log(`Realtime failed to handle ${message.event} on ${message.topic}: ${error}`);
      })
      .finally(() => {
        if (--lane.length === 0) this.#lanes.delete(message.topic);
      });
  }

  async #handle(message: ClientMessage): Promise<void> {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (message.event === 'phx_join') return this.#join(message);
    const channel = this.#channels.get(message.topic);
    if (message.event === 'phx_leave') return this.#leave(message, channel);
    if (!channel) return this.#reply(message, 'error', { reason: 'unmatched topic' });
    // A message of an earlier join of this topic on this socket.
    if (message.joinRef !== null && message.joinRef !== channel.joinRef) return;
    await channel.handle(message);
  }

  async #join(message: ClientMessage): Promise<void> {
    if (!message.topic.startsWith('realtime:')) {
      return this.#reply(message, 'error', { reason: 'unmatched topic' });
    }
    const earlier = this.#channels.get(message.topic);
    if (earlier) {
      this.#forget(earlier);
      earlier.sayClosed();
    }
    const joined = this.#joins.then(() => this.#joinNow(message));
    this.#joins = joined.catch(() => undefined);
    // The wait of a refused one holds up its own topic only.
    await joined.catch((error: unknown) => this.#refuse(message, error));
  }

  async #joinNow(message: ClientMessage): Promise<void> {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    const channel = await Channel.join(this.#context, this, message, (ended) => this.#forget(ended));
    if (!channel.hasEnded()) this.#channels.set(message.topic, channel);
    if (this.#ws.readyState !== this.#ws.OPEN) this.#ended();
  }

  async #refuse(message: ClientMessage, error: unknown): Promise<void> {
    const refusal = error instanceof JoinRefusedError ? error : null;
    if (!refusal) this.#context.log(`Realtime could not join ${message.topic}: ${error}`);
    await new Promise((resolve) => setTimeout(resolve, this.#context.limits.joinErrorDelayMs));
    this.#reply(message, 'error', { reason: refusal?.message ?? 'Unknown Error on Channel' });
    if (refusal?.disconnect) this.close(1000, refusal.message);
  }

  #leave(message: ClientMessage, channel: Channel | undefined): void {
    if (channel && message.joinRef !== null && message.joinRef !== channel.joinRef) return;
    this.#reply(message, 'ok', {});
    if (!channel) return;
    this.#forget(channel);
    channel.sayClosed();
  }

  #forget(channel: Channel): void {
    channel.end();
    if (this.#channels.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }

  #ended(): void {
    for (const channel of this.#channels.values()) channel.end();
    this.#channels.clear();
    this.#context.clients.delete(this);
  }

  #reply(message: ClientMessage, status: 'ok' | 'error', response: unknown): void {
    const { joinRef, ref, topic } = message;
    const payloadJson = JSON.stringify({ status, response });
    this.send(encodeText(this.version, { joinRef, ref, topic, event: 'phx_reply', payloadJson }));
  }
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
