import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { LogicalReplicationService } from 'pg-logical-replication';
import { MessageDecoder, type MessageRow, type StreamEvent } from './pgoutput.ts';

const publication = 'supabase_realtime_messages_publication';
const slotPrefix = 'supabase_realtime_messages_replication_slot_';
const ackEveryMs = 1000;
const pingEveryMs = 3000;
const silentAfterMs = 60_000;
const backoffMs = { first: 100, most: 5000 };

export interface ReplicationOptions {
  dbUrl: string;
  /** Called for every row before its payload is read. */
  isWanted(topic: string, isPrivate: boolean): boolean;
  onMessage(row: MessageRow): void;
  /** Called whenever streaming (re)starts. */
  onReady(): void;
  log(line: string): void;
}

export interface Replication {
  isReady(): boolean;
  /** Resolves when streaming has begun, or after `timeoutMs` with false. */
  whenReady(timeoutMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Streams committed rows of realtime.messages while it is open. It reconnects by itself.
 *
 * The slot is TEMPORARY, with a name of its own. It ends with its connection, so no crash leaves one behind
 * that retains WAL. As on the platform, what commits while there is no connection is not delivered; a channel
 * can replay it.
 */
export function startReplication(options: ReplicationOptions): Replication {
  let closed = false;
  let ready = false;
  let outage = false;
  let current: LogicalReplicationService | null = null;
  const waiting = new Set<() => void>();
  const wake = new AbortController();

  async function run(): Promise<void> {
    let delay = backoffMs.first;
    while (!closed) {
      const service = createService(options.dbUrl);
      current = service;
      try {
        await stream(service, options, () => {
          ready = true;
          if (outage) options.log('Realtime is connected to the database again');
          outage = false;
          delay = backoffMs.first;
          for (const resolve of waiting) resolve();
          options.onReady();
        });
      } catch (error) {
        // Reported once, however many attempts there are.
        if (!closed && !outage) {
          options.log(`Realtime lost the database and will reconnect: ${describe(error)}`);
        }
        outage = true;
      }
      ready = false;
      await service.destroy().catch(() => undefined);
      if (closed) break;
      await pause(delay, wake.signal);
      delay = Math.min(delay * 2, backoffMs.most);
    }
  }
  const running = run();

  return {
    isReady: () => ready,
    whenReady: (timeoutMs) =>
      new Promise((resolve) => {
        if (ready) return resolve(true);
        const timer = setTimeout(() => finish(), timeoutMs);
        const finish = () => {
          clearTimeout(timer);
          waiting.delete(finish);
          resolve(ready);
        };
        waiting.add(finish);
      }),
    async close() {
      closed = true;
      wake.abort();
      await current?.destroy().catch(() => undefined);
      await running;
    },
  };
}

function createService(dbUrl: string): LogicalReplicationService {
  const service = new LogicalReplicationService(
    {
      connectionString: dbUrl,
      application_name: 'realtime_replication_connection',
      connectionTimeoutMillis: 5000,
      keepAlive: true,
    },
    // Acknowledged below, at most once a second. By default the library answers every single message.
    { acknowledge: { auto: false, timeoutSeconds: 0 } },
  );
  // pg-logical-replication 2.5 listens for errors a moment after it is connected, and no more while it ends. A connection
  // that is cut in between would end the process. Its next query fails, or it ends anyway.
  let client: pg.Client | null = null;
  Object.defineProperty(service, '_client', {
    get: () => client,
    set: (next: pg.Client | null) => {
      client = next;
      if (!next) return;
      const ignoreErrors = () => next.on('error', () => undefined);
      const removeAllListeners = next.removeAllListeners.bind(next);
      next.removeAllListeners = (event) => {
        removeAllListeners(event);
        return ignoreErrors();
      };
      ignoreErrors();
    },
  });
  return service;
}

/** Streams until the connection ends or goes silent. Always ends by rejecting. */
async function stream(
  service: LogicalReplicationService,
  options: ReplicationOptions,
  onStart: () => void,
): Promise<void> {
  let heardAt = Date.now();
  let ackedAt = 0;
  const ack = (lsn: string, now: boolean): void => {
    heardAt = Date.now();
    if (!now && heardAt - ackedAt < ackEveryMs) return;
    ackedAt = heardAt;
    acknowledge(service, lsn, false);
  };

  const failure = new Promise<never>((_, reject) => {
    service.on('error', reject);
    service.on('start', onStart);
    service.on('heartbeat', (lsn, _timestamp, shouldRespond) => ack(lsn, shouldRespond));
    service.on('data', (lsn, event: StreamEvent) => {
      if (event === 'commit') ack(lsn, false);
      else if (event) deliver(event, options);
    });
  });
  // Asking for an answer moves the position forward while only other tables are written. It also detects a peer
  // that vanished, which ends no connection by itself.
  let watchdog: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    watchdog = setInterval(() => {
      if (Date.now() - heardAt > silentAfterMs) reject(new Error('the replication connection is silent'));
      else acknowledge(service, service.lastLsn(), true);
    }, pingEveryMs);
  });
  try {
    const slot = slotPrefix + randomBytes(6).toString('hex');
    const ended = service.subscribe(createPlugin(options), slot).then(() => {
      throw new Error('the replication stream ended');
    });
    await Promise.race([ended, failure, silence]);
  } finally {
    clearInterval(watchdog);
  }
}

/**
 * Confirms everything up to a position. pg-logical-replication 2.5 adds one to its argument. A server that
 * shuts down would then wait in vain until exactly its last position is confirmed.
 */
function acknowledge(service: LogicalReplicationService, lsn: string, askForAnswer: boolean): void {
  const [high = '0', low = '0'] = lsn.split('/');
  const position = (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
  if (position === 0n) return;
  const before = position - 1n;
  const text = `${(before >> 32n).toString(16)}/${(before & 0xffffffffn).toString(16)}`;
  service.acknowledge(text, askForAnswer).catch(() => undefined);
}

/** The plug-in of the library. Creates the slot on the connection that uses it, and decodes lazily. */
function createPlugin(options: ReplicationOptions) {
  const decoder = new MessageDecoder(options.isWanted);
  return {
    name: 'pgoutput',
    options: {},
    async start(client: pg.Client, slot: string): Promise<unknown> {
      await client.query(`CREATE_REPLICATION_SLOT "${slot}" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`);
      return client.query(
        `START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (proto_version '1', publication_names '${publication}')`,
      );
    },
    parse(data: Buffer): StreamEvent {
      try {
        return decoder.decode(data);
      } catch (error) {
        options.log(`Realtime skipped a message that it cannot decode: ${describe(error)}`);
        return null;
      }
    },
  };
}

function deliver(row: MessageRow, options: ReplicationOptions): void {
  try {
    options.onMessage(row);
  } catch (error) {
    options.log(`Realtime could not deliver message ${row.id}: ${describe(error)}`);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
