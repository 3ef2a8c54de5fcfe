import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';

/**
 * The headers by which the platform says where a request comes from: Cloudflare overwrites the first, and each proxy adds
 * to the second.
 */
export function seenAs(incoming: IncomingMessage): Record<string, string> {
  const address = incoming.socket.remoteAddress ?? '';
  const hops = [incoming.headers['x-forwarded-for'] ?? [], address].flat();
  return { 'cf-connecting-ip': address, 'x-forwarded-for': hops.join(', ') };
}

/**
 * Makes a Fetch request from a Node request. The body is streamed. `base` is the public address of the server.
 */
export function toRequest(incoming: IncomingMessage, base: string): Request {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    const name = incoming.rawHeaders[index] ?? '';
    if (!name.startsWith(':')) headers.append(name, incoming.rawHeaders[index + 1] ?? '');
  }
  for (const [name, value] of Object.entries(seenAs(incoming))) headers.set(name, value);
  const method = incoming.method ?? 'GET';
  const init: RequestInit & { duplex?: 'half' } = { method, headers };
  if (method !== 'GET' && method !== 'HEAD') {
    init.body = Readable.toWeb(incoming) as unknown as BodyInit;
    init.duplex = 'half';
  }
  return new Request(new URL(incoming.url ?? '/', base), init);
}

/** Sends a Fetch response as a Node response. */
export async function sendResponse(
  outgoing: ServerResponse,
  response: Response,
  head: boolean,
): Promise<void> {
  outgoing.statusCode = response.status;
  if (response.statusText) outgoing.statusMessage = response.statusText;
  for (const [name, value] of response.headers) {
    if (name !== 'set-cookie') outgoing.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies);
  if (!response.body || head) {
    outgoing.end();
    return;
  }
  const body = Readable.fromWeb(response.body as unknown as NodeReadableStream);
  await new Promise<void>((resolve) => {
    outgoing.on('close', resolve);
    body.on('error', () => outgoing.destroy());
    outgoing.on('close', () => body.destroy());
    body.pipe(outgoing);
  });
}

/** A JSON answer with the headers a browser needs. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { 'access-control-allow-origin': '*', ...headers } });
}
