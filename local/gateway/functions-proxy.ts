import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { apiUrl, type StackConfig } from '../config.ts';
import type { ProjectSettings } from '../project-settings.ts';
import { CallerError, callerFromApiKey, callerFromToken } from './caller.ts';
import { json, seenAs, sendResponse } from './http.ts';

// The platform ends a request that is silent for this long.
const idleTimeoutMs = 150_000;
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
  'te',
]);

function refusal(code: string, message: string): Response {
  return json(401, { code, message, msg: message }, { 'sb-error-code': code });
}

/**
 * The platform's `verify_jwt`: the request needs some valid token or key. This does not say who the user is;
 * the function finds that out itself. Answers the refusal, or null when the request may pass.
 */
async function verifyJwt(config: StackConfig, incoming: IncomingMessage): Promise<Response | null> {
  const bearer = /^Bearer\s+(.+)$/i.exec(incoming.headers.authorization ?? '')?.[1]?.trim();
  if (bearer && !bearer.startsWith('sb_')) {
    try {
      await callerFromToken(config, bearer);
      return null;
    } catch (error) {
      if (!(error instanceof CallerError)) throw error;
      if (error.code === 'MalformedJWT') return refusal('UNAUTHORIZED_INVALID_JWT_FORMAT', 'Invalid JWT');
      return refusal('UNAUTHORIZED_JWT', 'Invalid JWT');
    }
  }
  const apikey = incoming.headers.apikey ?? bearer;
  if (typeof apikey !== 'string')
    return refusal('UNAUTHORIZED_NO_AUTH_HEADER', 'Missing authorization header');
  if (callerFromApiKey(config, apikey)) return null;
  return refusal('UNAUTHORIZED_JWT', 'Invalid API key');
}

function forward(
  config: StackConfig,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  path: string,
): void {
  const headers: Record<string, string | string[] | undefined> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (!hopByHop.has(name)) headers[name] = value;
  }
  const { host, ports } = config;
  headers['x-forwarded-host'] = host;
  headers['x-forwarded-port'] = String(ports.api);
  headers['x-forwarded-proto'] = 'http';
  Object.assign(headers, seenAs(incoming));
  headers['x-forwarded-path'] = incoming.url;
  const fail = (status: number, code: string, message: string) => {
    if (outgoing.headersSent) outgoing.destroy();
    else void sendResponse(outgoing, json(status, { code, message }, { 'sb-error-code': code }), false);
  };
  const upstream = httpRequest(
    { host, port: ports.functions, path, method: incoming.method, headers, timeout: idleTimeoutMs },
    (answer) => {
      const answered: Record<string, string | string[] | undefined> = {};
      for (const [name, value] of Object.entries(answer.headers)) {
        if (!hopByHop.has(name)) answered[name] = value;
      }
      // The platform never lets a function serve a page from its own domain.
      if (String(answered['content-type'] ?? '').startsWith('text/html'))
        answered['content-type'] = 'text/plain';
      outgoing.writeHead(answer.statusCode ?? 502, answered);
      // A function that refuses a large body does not read it. Its answer ends once the client has sent all, because node
      // closes the connection of a request that was answered and not read, and the client would never see the answer.
      incoming.unpipe(upstream);
      incoming.resume();
      answer.on('error', () => outgoing.destroy());
      answer.pipe(outgoing, { end: false });
      answer.on('end', () => {
        if (incoming.readableEnded) outgoing.end();
        else incoming.once('end', () => outgoing.end());
      });
    },
  );
  upstream.on('timeout', () => {
    fail(504, 'IDLE_TIMEOUT', 'The function sent nothing for 150 seconds');
    upstream.destroy();
  });
  upstream.on('error', () => {
    if (outgoing.headersSent) return;
    incoming.unpipe(upstream);
    incoming.resume();
    fail(503, 'BOOT_ERROR', 'Function failed to start (please check logs)');
  });
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}

/** Passes `/functions/v1/<name>/…` to the function as `/<name>/…`, after the platform's own check. */
export async function proxyFunction(
  config: StackConfig,
  settings: ProjectSettings,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  // As the function will see it: dots resolved, or /health/../quote would be checked as one and served as the other.
  const { pathname, search } = new URL(incoming.url ?? '/', apiUrl(config));
  const name = /^\/functions\/v1\/([A-Za-z][A-Za-z0-9_-]*)(?=\/|$)/.exec(pathname)?.[1];
  if (!name) {
    await sendResponse(
      outgoing,
      json(404, { code: 'NOT_FOUND', message: 'Requested function was not found' }),
      false,
    );
    return;
  }
  const mustVerify = settings.get(`functions.${name}`, 'verify_jwt') !== false;
  if (mustVerify && incoming.method !== 'OPTIONS') {
    const refused = await verifyJwt(config, incoming);
    if (refused) {
      incoming.resume();
      await sendResponse(outgoing, refused, false);
      return;
    }
  }
  forward(config, incoming, outgoing, `${pathname.slice('/functions/v1'.length)}${search}`);
}
