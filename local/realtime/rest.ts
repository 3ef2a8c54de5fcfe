import { type Caller, resolveCaller } from '../gateway/caller.ts';
import { DatabaseUnavailableError } from './authorize.ts';
import { Broadcast } from './broadcast.ts';
import type { RealtimeContext } from './context.ts';
import { topicKey } from './hub.ts';
import { isRecord } from './serializer.ts';

const prefix = '/realtime/v1/api/broadcast';

/**
 * Broadcasts over HTTP.
 *
 * - `POST /realtime/v1/api/broadcast` with `{messages: [{topic, event, payload, private?}]}`:
 *   202, or 422 `{errors}`. A private message without permission is dropped, and the answer still 202.
 * - `POST /realtime/v1/api/broadcast/{topic}/events/{event}?private=true` with the payload as JSON or
 *   as bytes: 202, 403 without permission, 415 for any other content type.
 *
 * Both: 401 without a valid key or token, 429 above the rate.
 */
export async function handleRest(context: RealtimeContext, request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (!url.pathname.startsWith(prefix)) return answer(404, { message: 'Not found' });
  if (request.method !== 'POST') return answer(405, { message: 'Use POST' });
  const { headers } = request;
  let caller: Caller;
  try {
    caller = await resolveCaller(context.keys, {
      apikey: headers.get('apikey'),
      authorization: headers.get('authorization'),
    });
  } catch {
    return answer(401, { message: 'Unauthorized' });
  }
  const body = await readBody(request, context.limits.frameBytes);
  if (!body) return tooLarge(context);
  const asked: Asked = { context, caller, headers: policyHeaders(headers) };
  try {
    if (/^\/?$/.test(url.pathname.slice(prefix.length))) return await broadcastBatch(asked, body);
    const single = /^\/([^/]+)\/events\/([^/]+)$/.exec(url.pathname.slice(prefix.length));
    if (!single) return answer(404, { message: 'Not found' });
    const [topic, event] = [decodeURIComponent(single[1] ?? ''), decodeURIComponent(single[2] ?? '')];
    return await broadcastOne(asked, { topic, event, url, type: headers.get('content-type') ?? '', body });
  } catch (error) {
    if (error instanceof URIError) return answer(400, { message: 'The path is not valid' });
    if (!(error instanceof DatabaseUnavailableError)) throw error;
    return answer(503, { message: 'Realtime was unable to connect to the project database' });
  }
}

/** The body, or null as soon as it is larger than allowed: one that is sent in chunks announces no length. */
async function readBody(request: Request, limit: number): Promise<Buffer | null> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) return null;
  const pieces: Uint8Array[] = [];
  let size = 0;
  // leaving the loop ends the stream
  for await (const piece of (request.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    size += piece.byteLength;
    if (size > limit) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The headers that policies see as `request.headers`: those that begin with `x-`, as on a socket. */
export function policyHeaders(headers: Iterable<[string, string]>): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-')));
}

interface Asked {
  context: RealtimeContext;
  caller: Caller;
  headers: Record<string, string>;
}

interface BatchMessage {
  topic: string;
  event: string;
  payload: Record<string, unknown>;
  private: boolean;
}

async function broadcastBatch(asked: Asked, body: Buffer): Promise<Response> {
  const { messages, errors } = parseBatch(body, asked.context.limits.payloadBytes);
  if (errors) return answer(422, { errors });
  if (!asked.context.rates.messages.take(messages.length)) return tooMany();
  const allowed = new Map<string, boolean>();
  for (const { topic, event, payload, private: isPrivate } of messages) {
    if (isPrivate && !(allowed.get(topic) ?? (await mayWrite(asked, topic)))) {
      allowed.set(topic, false);
      continue;
    }
    if (isPrivate) allowed.set(topic, true);
    publish(asked.context, topic, isPrivate, event, 'json', Buffer.from(JSON.stringify(payload)));
  }
  return accepted();
}

async function broadcastOne(
  asked: Asked,
  { topic, event, url, type, body }: { topic: string; event: string; url: URL; type: string; body: Buffer },
): Promise<Response> {
  const encoding = encodingOf(type);
  if (!encoding) {
    return answer(415, { message: 'Send application/json or application/octet-stream' });
  }
  if (encoding === 'json' && parseJson(body) === undefined) {
    return answer(422, { errors: { payload: ['is not valid JSON'] } });
  }
  if (body.length > asked.context.limits.payloadBytes) {
    return answer(422, { errors: { payload: ['Payload size exceeds tenant limit'] } });
  }
  if ([...url.searchParams.keys()].some((name) => name.startsWith('persist'))) {
    return answer(422, { errors: { persist: ['is not served here: call realtime.send() in the database'] } });
  }
  const isPrivate = url.searchParams.get('private') === 'true';
  if (isPrivate && !(await mayWrite(asked, topic))) return answer(403, { message: 'Unauthorized' });
  if (!asked.context.rates.messages.take()) return tooMany();
  publish(asked.context, topic, isPrivate, event, encoding, body);
  return accepted();
}

function mayWrite({ context, caller, headers }: Asked, topic: string): Promise<boolean> {
  return context.authorizer.writable({ caller, topic, headers }, 'broadcast');
}

function publish(
  context: RealtimeContext,
  topic: string,
  isPrivate: boolean,
  event: string,
  encoding: 'json' | 'binary',
  body: Buffer,
): void {
  const broadcast = Broadcast.fromServer(`realtime:${topic}`, { event, encoding, body });
  context.hub.publish(topicKey(topic, isPrivate), broadcast);
}

function parseBatch(body: Buffer, payloadBytes: number): { messages: BatchMessage[]; errors: unknown } {
  const value = parseJson(body);
  const list = isRecord(value) ? value.messages : undefined;
  if (!Array.isArray(list) || list.length === 0) {
    return { messages: [], errors: { messages: ["can't be blank"] } };
  }
  const checked = list.map((item: unknown) => checkMessage(isRecord(item) ? item : {}, payloadBytes));
  if (checked.some(({ errors }) => Object.keys(errors).length > 0)) {
    return { messages: [], errors: { messages: checked.map(({ errors }) => errors) } };
  }
  return { messages: checked.map(({ message }) => message), errors: null };
}

function checkMessage(item: Record<string, unknown>, payloadBytes: number) {
  const { topic, event, payload } = item;
  const errors: Record<string, string[]> = {};
  if (typeof topic !== 'string' || topic === '') errors.topic = ["can't be blank"];
  if (typeof event !== 'string' || event === '') errors.event = ["can't be blank"];
  if (!isRecord(payload)) errors.payload = [payload === undefined ? "can't be blank" : 'is invalid'];
  else if (Buffer.byteLength(JSON.stringify(payload)) > payloadBytes) {
    errors.payload = ['Payload size exceeds tenant limit'];
  }
  const message: BatchMessage = {
    topic: String(topic),
    event: String(event),
    payload: isRecord(payload) ? payload : {},
    private: item.private === true || item.private === 'true',
  };
  return { message, errors };
}

function encodingOf(contentType: string): 'json' | 'binary' | null {
  const type = contentType.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return 'json';
  return type === 'application/octet-stream' ? 'binary' : null;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function accepted(): Response {
  return new Response(null, { status: 202 });
}

function answer(status: number, body: unknown): Response {
  return Response.json(body, { status });
}

function tooMany(): Response {
  return answer(429, { message: 'You have exceeded your rate limit' });
}

function tooLarge(context: RealtimeContext): Response {
  return answer(413, { message: `The body exceeds ${context.limits.frameBytes} bytes: send less at once` });
}
