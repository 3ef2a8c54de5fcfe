import { randomBytes } from 'node:crypto';

/** What one member says of itself, with the references by which clients merge changes. */
export type PresenceMeta = Record<string, unknown> & { phx_ref: string; phx_ref_prev?: string };

/** Members by key, as `presence_state` and `presence_diff` carry them. */
export type PresenceState = Record<string, { metas: PresenceMeta[] }>;

export interface PresenceDiff {
  joins: PresenceState;
  leaves: PresenceState;
}

/** A joined channel that may be a member and receives changes. */
export interface PresenceListener {
  presenceChanged(diff: PresenceDiff): void;
}

interface Room {
  /** By presence key, then by channel: several devices may share a key. */
  members: Map<string, Map<PresenceListener, PresenceMeta>>;
  listeners: Set<PresenceListener>;
}

/** Who is present on each topic. Every change goes to all listeners of the topic, also to its cause. */
export class PresenceBook {
  readonly #rooms = new Map<string, Room>();

  listen(key: string, listener: PresenceListener): void {
    this.#room(key).listeners.add(listener);
  }

  state(key: string): PresenceState {
    const members = this.#rooms.get(key)?.members ?? [];
    return Object.fromEntries(
      [...members].map(([name, metas]) => [name, { metas: [...metas.values()] }] as const),
    );
  }

  /** Adds a member, or replaces what it said of itself. */
  track(key: string, name: string, owner: PresenceListener, payload: Record<string, unknown>): void {
    const room = this.#room(key);
    const metas = room.members.get(name) ?? new Map<PresenceListener, PresenceMeta>();
    room.members.set(name, metas);
    const previous = metas.get(owner);
    const meta: PresenceMeta = { ...payload, phx_ref: randomBytes(9).toString('base64url') };
    if (previous) meta.phx_ref_prev = previous.phx_ref;
    metas.set(owner, meta);
    const leaves = previous ? stateOf(name, previous) : {};
    for (const listener of room.listeners) listener.presenceChanged({ joins: stateOf(name, meta), leaves });
  }

  untrack(key: string, name: string, owner: PresenceListener): void {
    const room = this.#rooms.get(key);
    const metas = room?.members.get(name);
    const meta = metas?.get(owner);
    if (!room || !metas || !meta) return;
    metas.delete(owner);
    if (metas.size === 0) room.members.delete(name);
    for (const listener of room.listeners)
      listener.presenceChanged({ joins: {}, leaves: stateOf(name, meta) });
    this.#tidy(key, room);
  }

  /** Removes a channel that has ended: it receives nothing more, and the others learn that it left. */
  leave(key: string, name: string, owner: PresenceListener): void {
    const room = this.#rooms.get(key);
    if (!room) return;
    room.listeners.delete(owner);
    this.untrack(key, name, owner);
    this.#tidy(key, room);
  }

  #room(key: string): Room {
    const known = this.#rooms.get(key);
    if (known) return known;
    const room: Room = { members: new Map(), listeners: new Set() };
    this.#rooms.set(key, room);
    return room;
  }

  #tidy(key: string, room: Room): void {
    if (room.members.size === 0 && room.listeners.size === 0) this.#rooms.delete(key);
  }
}

function stateOf(name: string, meta: PresenceMeta): PresenceState {
  return Object.fromEntries([[name, { metas: [meta] }]]);
}
