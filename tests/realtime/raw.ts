import WebSocket from 'ws';
import { keys } from './harness.ts';
import { until } from './talk.ts';

/** A message as it stands on the wire, in either protocol version. */
export interface WireMessage {
  joinRef: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: Record<string, unknown>;
}

/** A client without any library, for what the official one never sends. */
export class RawClient {
  readonly messages: WireMessage[] = [];
  readonly frames: { data: Buffer; binary: boolean }[] = [];
  closed: number | null = null;
  readonly #ws: WebSocket;
  readonly #version: 1 | 2;

  private constructor(ws: WebSocket, version: 1 | 2) {
    this.#ws = ws;
    this.#version = version;
    ws.on('message', (data: Buffer, binary) => {
      this.frames.push({ data, binary });
      if (!binary) this.messages.push(this.#decode(data.toString()));
    });
    ws.on('close', (code) => {
      this.closed = code;
    });
    ws.on('error', () => undefined);
  }

  static async open(url: string, version: 1 | 2 = 2): Promise<RawClient> {
    const base = url.replace(/^http/, 'ws');
    const ws = new WebSocket(
      `${base}/realtime/v1/websocket?apikey=${keys.publishableKey}&vsn=${version}.0.0`,
    );
    const client = new RawClient(ws, version);
    await new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  }

  send(message: {
    joinRef?: string | null;
    ref?: string;
    topic: string;
    event: string;
    payload?: unknown;
  }): void {
    const { joinRef = null, ref = null, topic, event, payload = {} } = message;
    this.sendRaw(
      JSON.stringify(
        this.#version === 2
          ? [joinRef, ref, topic, event, payload]
          : { topic, event, payload, ref, join_ref: joinRef },
      ),
    );
  }

  sendRaw(data: string | Buffer): void {
    this.#ws.send(data);
  }

  async join(topic: string, config: Record<string, unknown> = {}, ref = '1', extra: object = {}) {
    this.send({
      joinRef: ref,
      ref,
      topic: `realtime:${topic}`,
      event: 'phx_join',
      payload: { config, ...extra },
    });
    return this.reply(ref);
  }

  /** The answer to a push. */
  async reply(ref: string): Promise<WireMessage> {
    return this.find((message) => message.event === 'phx_reply' && message.ref === ref);
  }

  /** The first message that fits, now or later. */
  async find(fits: (message: WireMessage) => boolean): Promise<WireMessage> {
    await until(
      () => this.messages,
      (messages) => messages.some(fits),
    );
    return this.messages.find(fits) as WireMessage;
  }

  /** Leaves everything that arrives from now on in the network's buffers. */
  stopReading(): void {
    this.#ws.pause();
  }

  close(): void {
    this.#ws.terminate();
  }

  #decode(text: string): WireMessage {
    const value = JSON.parse(text);
    if (this.#version === 1) {
      const { join_ref, ref, topic, event, payload } = value;
      return { joinRef: join_ref, ref, topic, event, payload };
    }
    const [joinRef, ref, topic, event, payload] = value;
    return { joinRef, ref, topic, event, payload };
  }
}
