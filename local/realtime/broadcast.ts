import {
  type BodyEncoding,
  encodeText,
  encodeUserBroadcast,
  type Frame,
  type ProtocolVersion,
} from './serializer.ts';

/** Where a broadcast comes from. This decides its form on the wire. */
export interface BroadcastContent {
  event: string;
  encoding: BodyEncoding;
  /** JSON text or bytes. */
  body: Buffer;
  meta?: { id: string; replayed?: true };
}

/**
 * One broadcast on its way to the subscribers of a topic. Each frame is made at most once, however many
 * subscribers there are. A JSON body passes as text.
 */
export class Broadcast {
  readonly #make: (version: ProtocolVersion) => Frame | null;
  readonly #frames = new Map<ProtocolVersion, Frame | null>();
  /** The id of the row in realtime.messages, for a broadcast from the database. */
  readonly id: string | null;

  private constructor(id: string | null, make: (version: ProtocolVersion) => Frame | null) {
    this.id = id;
    this.#make = make;
  }

  /** A binary push of a client: binary again for version 2. Version 1 cannot carry bytes. */
  static fromPush(topic: string, content: BroadcastContent): Broadcast {
    return new Broadcast(content.meta?.id ?? null, (version) => {
      const frame =
        version === 2
          ? encodeUserBroadcast(topic, content.event, content.encoding, content.body, content.meta ?? null)
          : null;
      return frame ?? asText(version, topic, content);
    });
  }

  /** From the database or REST: JSON passes as text, so topic and event may have any length. */
  static fromServer(topic: string, content: BroadcastContent): Broadcast {
    if (content.encoding === 'binary') return Broadcast.fromPush(topic, content);
    return new Broadcast(content.meta?.id ?? null, (version) => asText(version, topic, content));
  }

  /** A text push of a client. The platform passes on its whole payload. */
  static fromText(topic: string, payloadJson: string): Broadcast {
    return new Broadcast(null, (version) =>
      encodeText(version, { joinRef: null, ref: null, topic, event: 'broadcast', payloadJson }),
    );
  }

  /** The frame for a protocol version; null when that version cannot carry this broadcast. */
  frame(version: ProtocolVersion): Frame | null {
    const known = this.#frames.get(version);
    if (known !== undefined) return known;
    const frame = this.#make(version);
    this.#frames.set(version, frame);
    return frame;
  }
}

function asText(version: ProtocolVersion, topic: string, content: BroadcastContent): Frame | null {
  if (content.encoding === 'binary') return null;
  const event = JSON.stringify(content.event);
  const meta = content.meta ? `,"meta":${JSON.stringify(content.meta)}` : '';
  const payloadJson = `{"event":${event},"payload":${content.body.toString('utf8')},"type":"broadcast"${meta}}`;
  return encodeText(version, { joinRef: null, ref: null, topic, event: 'broadcast', payloadJson });
}
