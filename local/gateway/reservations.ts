import type { PostgresConnection } from '@supabase/lite/postgres';

type Driver = PostgresConnection['driver'];
type Reserved = Awaited<ReturnType<Driver['reserve']>>;
type Query = ReturnType<Reserved['unsafe']>;

/** One connection: a driver that may open one connection, and its state. */
interface Slot {
  driver: Driver;
  /** Rejects when the connection is lost. */
  gone: Promise<never>;
  isGone: boolean;
  /** Whether it has answered yet. */
  isOpen: boolean;
  leave(reason: unknown): void;
}

/** As SQLSTATE 08006, which PostgREST and this gateway answer with 503. */
export class LostConnection extends Error {
  readonly code = '08006';
  constructor(cause?: unknown) {
    super('The connection to the database was lost', { cause });
  }
}

/** The server has ended the connection, or there is none. A statement that failed is neither. */
function hasLostConnection(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  const code = String(error.code);
  return error.name === 'PostgresError' ? code.startsWith('57P') : /^(CONN|E[A-Z]+$)/.test(code);
}

/**
 * Reserves connections so that a restart of the server does no harm. postgres.js 3.4.9 goes on using a reserved
 * connection that has closed: a small statement written to it (the rollback after the failure) either ends the
 * process or is never sent (porsager/postgres#1154, #1208). So each connection has a driver of its own here,
 * and a closed one is never used again.
 */
export function survivingReservations(
  open: (onclose: () => void) => Driver,
  most: number,
): { reserve(): Promise<Pick<Reserved, 'unsafe' | 'release'>>; end(): Promise<void> } {
  const idle: Slot[] = [];
  const all = new Set<Slot>();
  const waiting: (() => void)[] = [];

  const openSlot = (): Slot => {
    let reject: (reason: unknown) => void = () => {};
    const gone = new Promise<never>((_resolve, fail) => {
      reject = fail;
    });
    gone.catch(() => {});
    const slot: Slot = {
      driver: open(() => slot.leave(new LostConnection())),
      gone,
      isGone: false,
      isOpen: false,
      leave(reason) {
        slot.isGone = true;
        reject(reason);
      },
    };
    all.add(slot);
    return slot;
  };
  const reserveIn = async (slot: Slot): Promise<Reserved> => {
    // When postgres.js 3.4.9 is set to fetch no types, it never answers a reservation that had to open the
    // connection.
    if (!slot.isOpen) await slot.driver.unsafe('select 1');
    slot.isOpen = true;
    return slot.driver.reserve();
  };
  const drop = (slot: Slot): void => {
    all.delete(slot);
    void slot.driver.end({ timeout: 0 }).catch(() => {});
  };
  const take = async (): Promise<Slot> => {
    for (;;) {
      const slot = idle.pop();
      if (slot && !slot.isGone) return slot;
      if (slot) drop(slot);
      else if (all.size < most) return openSlot();
      else await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const giveBack = (slot: Slot): void => {
    if (slot.isGone) drop(slot);
    else idle.push(slot);
    waiting.shift()?.();
  };

  return {
    async reserve() {
      const slot = await take();
      let reserved: Reserved;
      try {
        reserved = await Promise.race([reserveIn(slot), slot.gone]);
      } catch (error) {
        const lost = error instanceof LostConnection ? error : new LostConnection(error);
        slot.leave(lost);
        giveBack(slot);
        throw lost;
      }
      const unsafe = async (...parts: Parameters<Reserved['unsafe']>): Promise<unknown> => {
        if (slot.isGone) return slot.gone;
        try {
          return await Promise.race([reserved.unsafe(...parts), slot.gone]);
        } catch (error) {
          if (!hasLostConnection(error)) throw error;
          const lost = new LostConnection(error);
          slot.leave(lost);
          throw lost;
        }
      };
      return {
        // lite awaits it, and streams nothing
        unsafe: ((...parts: Parameters<Reserved['unsafe']>) =>
          unsafe(...parts) as unknown as Query) as Reserved['unsafe'],
        release() {
          if (!slot.isGone) reserved.release();
          giveBack(slot);
        },
      };
    },
    async end() {
      await Promise.allSettled([...all].map(({ driver }) => driver.end({ timeout: 5 })));
    },
  };
}
