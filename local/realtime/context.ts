import type { Caller, CallerKeys } from '../gateway/caller.ts';
import type { Authorizer } from './authorize.ts';
import type { BroadcastContent } from './broadcast.ts';
import type { Hub } from './hub.ts';
import type { RateWindow, RealtimeLimits } from './limits.ts';
import type { PresenceBook } from './presence.ts';
import type { Frame, ProtocolVersion } from './serializer.ts';

/** What all sockets and channels of one server share. */
export interface RealtimeContext {
  keys: CallerKeys;
  limits: RealtimeLimits;
  /** Whether topics without policies may be joined. A broadcast to such a topic is heard by those who joined it. */
  publicTopics: boolean;
  hub: Hub;
  presence: PresenceBook;
  authorizer: Authorizer;
  rates: { joins: RateWindow; messages: RateWindow; presence: RateWindow };
  /** Sockets that have joined a channel. They count as connected users. */
  clients: Set<Connection>;
  isReplicating(): boolean;
  /** The last stored broadcasts of a private topic, oldest first. */
  replay(topic: string, since: number, limit: number): Promise<BroadcastContent[]>;
  log(line: string): void;
}

/** What a channel needs of its socket. */
export interface Connection {
  readonly version: ProtocolVersion;
  /** The role of the handshake's `apikey`. */
  readonly caller: Caller;
  /** The `x-` headers of the handshake; policies see them. */
  readonly headers: Record<string, string>;
  channelCount(): number;
  send(frame: Frame): void;
}
