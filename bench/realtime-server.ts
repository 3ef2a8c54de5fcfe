import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import type { CallerKeys } from '../local/gateway/caller.ts';
import { startRealtime } from '../local/realtime/server.ts';

/** What the bench tells the process that serves. */
export type ServerOrder =
  | { start: 'realtime'; dbUrl: string; keys: CallerKeys }
  | { start: 'bare' }
  | { send: string };

/**
 * A process that serves the clients of the bench: the stack's Realtime, or nothing but `ws` that sends each text to everybody.
 */
async function serve(order: ServerOrder): Promise<void> {
  if ('send' in order) return;
  const server = createServer((_request, response) => response.end());
  if (order.start === 'realtime') {
    const realtime = await startRealtime({
      dbUrl: order.dbUrl,
      keys: order.keys,
      limits: { concurrentClients: 5000, joinsPerSecond: 100_000, heartbeatTimeoutMs: 3_600_000 },
    });
    server.on('upgrade', (request, socket, head) => realtime.handleUpgrade(request, socket, head));
  } else {
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    process.on('message', (next: ServerOrder) => {
      if (!('send' in next)) return;
      const data = Buffer.from(next.send);
      for (const socket of sockets.clients) socket.send(data, { binary: false });
    });
  }
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
  });
}

process.once('message', (order: ServerOrder) => void serve(order));
