import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { WebSocketServer } from 'ws';
import type { CallerKeys } from '../gateway/caller.ts';
import { Authorizer } from './authorize.ts';
import { Broadcast } from './broadcast.ts';
import type { RealtimeContext } from './context.ts';
import { readHandshake, refuseHandshake } from './handshake.ts';
import { Hub, topicKey } from './hub.ts';
import { defaultLimits, RateWindow, type RealtimeLimits } from './limits.ts';
import type { MessageRow } from './pgoutput.ts';
import { PresenceBook } from './presence.ts';
import { readStored } from './replay.ts';
import { startReplication } from './replication.ts';
import { handleRest } from './rest.ts';
import { ClientSocket } from './socket.ts';

const maintainEveryMs = 3_600_000;
const firstReadyMs = 10_000;

export interface RealtimeOptions {
  /** A superuser's URL: checking policies changes roles, and streaming needs REPLICATION. */
  dbUrl: string;
  keys: CallerKeys;
  limits?: Partial<RealtimeLimits>;
  /** Whether topics without policies may be joined; the platform calls it "Allow public access". Default: true. */
  publicTopics?: boolean | undefined;
  /** Where notices go; standard error unless given. */
  log?(line: string): void;
}

export interface RealtimeServer {
  /** Takes an HTTP upgrade for `/realtime/v1/websocket`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Answers `/realtime/v1/api/broadcast`, both forms. The gateway handles CORS. */
  fetch(request: Request): Promise<Response>;
  /** Ends sockets, replication and database connections. */
  close(): Promise<void>;
}

/**
 * Starts a Realtime server: broadcast, presence, private channels by row policies, and broadcasts
 * from the database, in the protocol of realtime-js.
 *
 * It resolves when rows of realtime.messages are being streamed. If the database is not there yet it
 * resolves after a while anyway, and goes on trying.
 *
 * Where it differs from the platform: postgres_changes and `persist` are refused; refused joins are
 * answered sooner, and deliveries are not counted against the message rate (see `limits.ts`); rows are
 * streamed always, not only while somebody is connected; tokens are verified by the stack's secret.
 */
export async function startRealtime(options: RealtimeOptions): Promise<RealtimeServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const log = options.log ?? ((line: string) => console.error(line));
  const pool = createPool(options.dbUrl);
  const hub = new Hub();

  const maintain = () => {
    maintainPartitions(pool).catch((error: unknown) => {
      log(`Realtime could not make the partitions of realtime.messages: ${error}`);
    });
  };
  const replication = startReplication({
    dbUrl: options.dbUrl,
    log,
    isWanted: (topic, isPrivate) => hub.has(topicKey(topic, isPrivate)),
    onMessage: (row) => publishRow(hub, row),
    // Also after a reconnect, because the database may have been away over midnight.
    onReady: maintain,
  });
  const context: RealtimeContext = {
    keys: options.keys,
    limits,
    publicTopics: options.publicTopics ?? true,
    hub,
    presence: new PresenceBook(),
    authorizer: new Authorizer(pool, log),
    rates: {
      joins: new RateWindow(limits.joinsPerSecond, limits.rateWindowSeconds),
      messages: new RateWindow(limits.messagesPerSecond, limits.rateWindowSeconds),
      presence: new RateWindow(limits.presenceMessagesPerSecond, limits.rateWindowSeconds),
    },
    clients: new Set(),
    isReplicating: replication.isReady,
    replay: (topic, since, limit) => readStored(pool, topic, since, limit),
    log,
  };

  const sockets = new Set<ClientSocket>();
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frameBytes,
    perMessageDeflate: false,
  });
  const sweep = setInterval(
    () => {
      for (const socket of sockets) socket.closeIfSilent(Date.now());
    },
    Math.min(limits.heartbeatTimeoutMs / 4, 15_000),
  );
  const maintenance = setInterval(maintain, maintainEveryMs);
  await replication.whenReady(firstReadyMs);

  return {
    handleUpgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      const handshake = readHandshake(options.keys, request);
      if (!handshake.ok) return refuseHandshake(socket, handshake.status, handshake.error);
      wss.handleUpgrade(request, socket, head, (ws) => {
        const client = new ClientSocket(context, ws, handshake);
        sockets.add(client);
        ws.on('close', () => sockets.delete(client));
      });
    },
    fetch: (request) => handleRest(context, request),
    async close() {
      clearInterval(sweep);
      clearInterval(maintenance);
      const gone = [...wss.clients].map((ws) => new Promise((resolve) => ws.once('close', resolve)));
      for (const socket of sockets) socket.close(1001, 'Realtime is restarting, please standby');
      await Promise.all(gone);
      wss.close();
      await replication.close();
      await pool.end();
    },
  };
}

function publishRow(hub: Hub, row: MessageRow): void {
  const { event, encoding, body, id } = row;
  const broadcast = Broadcast.fromServer(`realtime:${row.topic}`, { event, encoding, body, meta: { id } });
  hub.publish(topicKey(row.topic, row.private), broadcast);
}

async function maintainPartitions(pool: pg.Pool): Promise<void> {
  await pool.query('select realtime.maintain_message_partitions()');
}

function createPool(dbUrl: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: dbUrl,
    application_name: 'realtime',
    max: 5,
    connectionTimeoutMillis: 5000,
    statement_timeout: 10_000,
  });
  // The next query replaces a connection that was lost while idle. Replication reports that the database is
  // away.
  pool.on('error', () => undefined);
  // A connection that breaks while in use reports twice: to its query, and as an event that would otherwise end
  // the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
