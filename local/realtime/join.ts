import { randomUUID } from 'node:crypto';
import { type Caller, CallerError } from '../gateway/caller.ts';
import { type Access, evaluateAccess, publicAccess } from './access.ts';
import { DatabaseUnavailableError, type Extension } from './authorize.ts';
import type { Connection, RealtimeContext } from './context.ts';
import { isRecord } from './serializer.ts';
import { verifyToken } from './token.ts';

/** A refused join. `disconnect` also closes the socket. */
export class JoinRefusedError extends Error {
  readonly disconnect: boolean;
  constructor(reason: string, disconnect = false) {
    super(reason);
    this.disconnect = disconnect;
  }
}

/** What a client asks for when it joins. */
export interface JoinRequest {
  /** The topic as the database knows it, without `realtime:`. */
  name: string;
  isPrivate: boolean;
  ack: boolean;
  self: boolean;
  presenceEnabled: boolean;
  presenceKey: string;
  replay: { since: number; limit: number } | null;
  wantsReplicationReady: boolean;
  token: string | null;
}

const postgresChangesRefusal =
  'RealtimeDisabledForConfiguration: postgres_changes is not served here. Broadcast from the database ' +
  'instead: call realtime.broadcast_changes() or realtime.send() in a trigger, and join its private topic';

/** Reads the payload of a join. Throws {@link JoinRefusedError} for what is not supported. */
export function parseJoin(topic: string, payload: unknown): JoinRequest {
  const name = topic.slice('realtime:'.length);
  if (name === '') throw new JoinRefusedError('TopicNameRequired: You must provide a topic name');
  const join = isRecord(payload) ? payload : {};
  const config = section(join, 'config');
  const broadcast = section(config, 'broadcast');
  const presence = section(config, 'presence');
  if (Array.isArray(config.postgres_changes) && config.postgres_changes.some((change) => change !== null)) {
    throw new JoinRefusedError(postgresChangesRefusal);
  }
  const isPrivate = isTrue(config.private);
  const key = presence.key;
  const token = join.user_token ?? join.access_token;
  return {
    name,
    isPrivate,
    ack: isTrue(broadcast.ack),
    self: isTrue(broadcast.self),
    presenceEnabled: isTrue(presence.enabled),
    presenceKey: typeof key === 'string' && key !== '' ? key : randomUUID(),
    replay: parseReplay(broadcast.replay, isPrivate),
    wantsReplicationReady: isTrue(broadcast.replication_ready),
    token: typeof token === 'string' && !token.startsWith('sb_') ? token : null,
  };
}

/** Refuses a public topic where there are none. Throws {@link JoinRefusedError}. */
export function requirePermittedKind(context: RealtimeContext, request: JoinRequest): void {
  if (request.isPrivate || context.publicTopics) return;
  throw new JoinRefusedError('PrivateOnly: This project only allows private channels');
}

/** Counts a join against the limits. Throws {@link JoinRefusedError}. */
export function limitJoin(context: RealtimeContext, connection: Connection): void {
  const { limits, clients, rates } = context;
  if (!clients.has(connection) && clients.size >= limits.concurrentClients) {
    throw new JoinRefusedError('ConnectionRateLimitReached: Too many connected users');
  }
  if (!rates.joins.take()) {
    throw new JoinRefusedError('ClientJoinRateLimitReached: Too many joins per second', true);
  }
  if (connection.channelCount() >= limits.channelsPerClient) {
    throw new JoinRefusedError('ChannelRateLimitReached: Too many channels');
  }
}

/** Finds out who joins, and what the policies permit. Throws {@link JoinRefusedError}. */
export async function authorizeJoin(
  context: RealtimeContext,
  connection: Connection,
  request: JoinRequest,
): Promise<{ caller: Caller; access: Access }> {
  try {
    const caller = request.token ? await verifyToken(context.keys, request.token) : connection.caller;
    const access = await accessFor(context, connection, request, caller);
    if (request.replay && !access.mayRead('broadcast')) throw new NoReadPermissionError(request.name);
    return { caller, access };
  } catch (error) {
    if (error instanceof NoReadPermissionError) throw new JoinRefusedError(`Unauthorized: ${error.message}`);
    if (error instanceof CallerError) throw new JoinRefusedError(`${error.code}: ${error.message}`);
    if (error instanceof DatabaseUnavailableError) {
      throw new JoinRefusedError(
        'UnableToConnectToProject: Realtime was unable to connect to the project database',
      );
    }
    throw error;
  }
}

/** The caller may read neither broadcasts nor presence of a private topic. */
export class NoReadPermissionError extends Error {
  constructor(name: string) {
    super(`You do not have permissions to read from this Channel topic: ${name}`);
  }
}

/** Evaluates the policies for a caller. Throws {@link NoReadPermissionError}. */
export async function accessFor(
  context: RealtimeContext,
  connection: Connection,
  request: Pick<JoinRequest, 'name' | 'isPrivate' | 'presenceEnabled'>,
  caller: Caller,
): Promise<Access> {
  if (!request.isPrivate) return publicAccess;
  const extensions: Extension[] = request.presenceEnabled ? ['broadcast', 'presence'] : ['broadcast'];
  const asked = { caller, topic: request.name, headers: connection.headers };
  const access = await evaluateAccess(context.authorizer, asked, extensions);
  if (!access.mayRead('broadcast') && !access.mayRead('presence')) {
    throw new NoReadPermissionError(request.name);
  }
  return access;
}

function parseReplay(value: unknown, isPrivate: boolean): JoinRequest['replay'] {
  if (value === undefined || value === null) return null;
  if (!isPrivate) {
    throw new JoinRefusedError('UnableToReplayMessages: Replay is not allowed for public channels');
  }
  const { since = 0, limit = 25 } = isRecord(value) ? value : { since: null };
  if (!Number.isSafeInteger(since) || !Number.isSafeInteger(limit)) {
    throw new JoinRefusedError('UnableToReplayMessages: Replay params are not valid');
  }
  return { since: Number(since), limit: Math.min(Math.max(Number(limit), 1), 25) };
}

function section(value: Record<string, unknown>, name: string): Record<string, unknown> {
  const inner = value[name];
  return isRecord(inner) ? inner : {};
}

/** Clients in languages without JSON booleans send them as text. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}
