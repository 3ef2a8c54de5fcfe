import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Caller, type CallerKeys, callerFromApiKey } from '../gateway/caller.ts';
import { policyHeaders } from './rest.ts';
import type { ProtocolVersion } from './serializer.ts';

/** A valid handshake, or the HTTP answer to an invalid one. */
export type Handshake =
  | { ok: true; version: ProtocolVersion; caller: Caller; headers: Record<string, string> }
  | { ok: false; status: number; error: string };

const versions = new Map<string, ProtocolVersion>([
  ['1.0.0', 1],
  ['2.0.0', 2],
]);

/** Reads `/realtime/v1/websocket?apikey=…&vsn=…`. Without `vsn` a client speaks version 1. */
export function readHandshake(keys: CallerKeys, request: IncomingMessage): Handshake {
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  if (!url || !/^\/realtime\/v1\/websocket\/?$/.test(url.pathname)) {
    return { ok: false, status: 404, error: 'Not found: connect to /realtime/v1/websocket' };
  }
  const version = versions.get(url.searchParams.get('vsn') ?? '1.0.0');
  if (!version) return { ok: false, status: 400, error: 'Unsupported vsn: use 1.0.0 or 2.0.0' };
  const header = request.headers['x-api-key'];
  const apikey = (typeof header === 'string' ? header : null) ?? url.searchParams.get('apikey');
  if (!apikey) return { ok: false, status: 401, error: 'Missing API key: pass ?apikey=' };
  const caller = callerFromApiKey(keys, apikey);
  if (!caller) return { ok: false, status: 401, error: 'Invalid API key' };
  const pairs = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  const { 'x-api-key': _, ...headers } = policyHeaders(pairs);
  return { ok: true, version, caller, headers };
}

/** Answers a refused handshake with HTTP and JSON, and closes the connection. */
export function refuseHandshake(socket: Duplex, status: number, error: string): void {
  const body = JSON.stringify({ error });
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
