import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { apiUrl, databaseUrl, type StackConfig } from '../config.ts';
import type { Log } from '../log.ts';
import { portTaken } from '../ports.ts';
import { readProjectSettings } from '../project-settings.ts';
import { startRealtime } from '../realtime/server.ts';
import { createStorage } from '../storage/server.ts';
import { createDataAndAuth } from './data-and-auth.ts';
import { proxyFunction } from './functions-proxy.ts';
import { json, sendResponse, toRequest } from './http.ts';

/** The state of each part, as `/health` reports it. */
export type Health = Record<string, 'up' | 'down'>;

export interface Gateway {
  close(): Promise<void>;
}

export interface GatewayOptions {
  config: StackConfig;
  log: Log;
  /** Called by `/health`. */
  health(): Promise<Health>;
}

type Part = (request: Request) => Promise<Response>;

const preflightHeaders = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS',
  'access-control-max-age': '86400',
};

function preflight(incoming: IncomingMessage): Response {
  const asked = incoming.headers['access-control-request-headers'];
  const headers = { ...preflightHeaders, 'access-control-allow-headers': asked ?? '*' };
  return new Response(null, { status: 200, headers });
}

async function answer(part: Part, request: Request): Promise<Response> {
  try {
    const response = await part(request);
    if (response.headers.has('access-control-allow-origin')) return response;
    const headers = new Headers(response.headers);
    headers.set('access-control-allow-origin', '*');
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  } catch (error) {
    console.error(error);
    return json(500, { code: 'internal', message: 'The local gateway failed; its log says why.' });
  }
}

function listen(server: Server, config: StackConfig): Promise<void> {
  const { api } = config.ports;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portTaken(api, 'API') : error);
    });
    server.listen(api, config.host, () => resolve());
  });
}

/** The one address that clients know: REST, Auth, Storage, Realtime and edge functions behind one port. */
export async function startGateway({ config, health }: GatewayOptions): Promise<Gateway> {
  const settings = readProjectSettings();
  const adminUrl = databaseUrl(config, 'supabase_admin');
  const dataAndAuth = await createDataAndAuth(config);
  const storage = await createStorage({
    dbUrl: adminUrl,
    dir: `${config.dir}/storage`,
    keys: config,
    publicUrl: apiUrl(config),
  });
  const { publicTopics } = config;
  const realtime = await startRealtime({ dbUrl: adminUrl, keys: config, publicTopics });

  const parts: [prefix: string, part: Part][] = [
    ['/rest/v1', dataAndAuth.rest],
    ['/auth/v1', dataAndAuth.auth],
    ['/storage/v1', (request) => storage.fetch(request)],
    ['/realtime/v1', (request) => realtime.fetch(request)],
  ];

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = (incoming.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === '/functions/v1' || path.startsWith('/functions/v1/')) {
      await proxyFunction(config, settings, incoming, outgoing);
      return;
    }
    const head = incoming.method === 'HEAD';
    if (path === '/' || path === '/health') {
      const states = await health();
      const well = Object.values(states).every((state) => state === 'up');
      await sendResponse(outgoing, json(well ? 200 : 503, { stack: config.name, parts: states }), head);
      return;
    }
    const found = parts.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`));
    if (!found) {
      await sendResponse(outgoing, json(404, { message: 'no Route matched with those values' }), head);
      return;
    }
    if (incoming.method === 'OPTIONS') {
      await sendResponse(outgoing, preflight(incoming), false);
      return;
    }
    await sendResponse(outgoing, await answer(found[1], toRequest(incoming, apiUrl(config))), head);
  }

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch((error: unknown) => {
      console.error(error);
      outgoing.destroy();
    });
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (incoming.url?.startsWith('/realtime/v1/')) realtime.handleUpgrade(incoming, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
  });
  const close = async () => {
    await realtime.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await Promise.allSettled([storage.close(), dataAndAuth.close()]);
  };
  try {
    await listen(server, config);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}
