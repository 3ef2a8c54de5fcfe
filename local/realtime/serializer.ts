/**
 * Frames of the Phoenix protocol as realtime-js speaks it.
 *
 * - version 1: text, `{"topic","event","payload","ref","join_ref"}`
 * - version 2: text, `[join_ref, ref, topic, event, payload]`, and two binary frames:
 *   kind 3, a broadcast pushed by a client: kind, five lengths (join_ref, ref, topic, event,
 *   metadata), encoding, then those five fields and the payload;
 *   kind 4, a broadcast to a client: kind, three lengths (topic, event, metadata), encoding, then
 *   those fields and the payload. Lengths and encoding (0 bytes, 1 JSON) are one byte each.
 */
export type ProtocolVersion = 1 | 2;

/** How the body of a broadcast is encoded. */
export type BodyEncoding = 'json' | 'binary';

/** A broadcast that was pushed in a binary frame. Its body passes unchanged. */
export interface UserBroadcast {
  event: string;
  encoding: BodyEncoding;
  body: Buffer;
  metadata: Record<string, unknown>;
}

/** A message of a client. In a binary frame, `broadcast` is set and `payload` is empty. */
export interface ClientMessage {
  joinRef: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: unknown;
  broadcast?: UserBroadcast;
}

/** One WebSocket message, ready to be sent to any number of sockets. */
export interface Frame {
  data: Buffer;
  binary: boolean;
}

/** A frame that does not follow the protocol. */
export class ProtocolError extends Error {}

const kindUserBroadcastPush = 3;
const kindUserBroadcast = 4;

/** Reads a frame of a client. Throws {@link ProtocolError}. Null for a binary kind that it does not know. */
export function decodeFrame(version: ProtocolVersion, data: Buffer, binary: boolean): ClientMessage | null {
  if (binary) return data[0] === kindUserBroadcastPush ? decodeUserBroadcastPush(data) : null;
  const value = parseJson(data.toString('utf8'));
  const [joinRef, ref, topic, event, payload] = version === 2 ? fieldsOfArray(value) : fieldsOfObject(value);
  if (typeof topic !== 'string' || typeof event !== 'string') {
    throw new ProtocolError('A message needs a topic and an event');
  }
  return { joinRef: toRef(joinRef), ref: toRef(ref), topic, event, payload };
}

/** Writes a text frame. `payloadJson` is already JSON, so that rows of the database pass unchanged. */
export function encodeText(
  version: ProtocolVersion,
  message: { joinRef: string | null; ref: string | null; topic: string; event: string; payloadJson: string },
): Frame {
  const joinRef = JSON.stringify(message.joinRef);
  const ref = JSON.stringify(message.ref);
  const topic = JSON.stringify(message.topic);
  const event = JSON.stringify(message.event);
  const text =
    version === 2
      ? `[${joinRef},${ref},${topic},${event},${message.payloadJson}]`
      : `{"topic":${topic},"event":${event},"payload":${message.payloadJson},"ref":${ref},"join_ref":${joinRef}}`;
  return { data: Buffer.from(text), binary: false };
}

/** Writes a kind 4 frame, or null when a field is too long for its one-byte length. */
export function encodeUserBroadcast(
  topic: string,
  event: string,
  encoding: BodyEncoding,
  body: Buffer,
  meta: Record<string, unknown> | null,
): Frame | null {
  const fields = [topic, event, meta ? JSON.stringify(meta) : ''].map((field) => Buffer.from(field));
  if (fields.some((field) => field.length > 255)) return null;
  const lengths = fields.map((field) => field.length);
  const header = Buffer.from([kindUserBroadcast, ...lengths, encoding === 'json' ? 1 : 0]);
  return { data: Buffer.concat([header, ...fields, body]), binary: true };
}

function decodeUserBroadcastPush(data: Buffer): ClientMessage {
  if (data.length < 7) throw new ProtocolError('A binary broadcast is shorter than its header');
  let offset = 7;
  const fields = [1, 2, 3, 4, 5].map((position) => {
    const start = offset;
    offset += data[position] ?? 0;
    return data.toString('utf8', start, offset);
  });
  if (offset > data.length) throw new ProtocolError('A binary broadcast is shorter than its fields');
  const [joinRef = '', ref = '', topic = '', event = '', metadata = ''] = fields;
  const meta = metadata === '' ? {} : parseJson(metadata);
  const body = data.subarray(offset);
  // It passes unchanged, and for version 1 inside other JSON, so it must really be JSON.
  if (data[6] === 1) parseJson(body.toString('utf8'));
  return {
    joinRef: joinRef === '' ? null : joinRef,
    ref: ref === '' ? null : ref,
    topic,
    event: 'broadcast',
    payload: null,
    broadcast: {
      event,
      encoding: data[6] === 1 ? 'json' : 'binary',
      body,
      metadata: isRecord(meta) ? meta : {},
    },
  };
}

function fieldsOfArray(value: unknown): unknown[] {
  if (Array.isArray(value) && value.length === 5) return value;
  throw new ProtocolError('A message of version 2 is an array of five');
}

function fieldsOfObject(value: unknown): unknown[] {
  if (!isRecord(value)) throw new ProtocolError('A message of version 1 is an object');
  return [value.join_ref, value.ref, value.topic, value.event, value.payload];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError('A message is not valid JSON');
  }
}

function toRef(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : null;
}

/** Whether a JSON value is an object, and neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
