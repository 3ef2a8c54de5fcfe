import { type CheckIn, doorPage, type OfflineScan } from './check-in.ts';
import { createIdempotencyKey } from './core/ids.ts';
import type { JourneyError } from './error.ts';
import type { QueueStorage } from './realtime/message-queue.ts';
import { type CodeCheckOptions, readTicketCode, type TicketKey } from './ticket-codes.ts';
import type { Tickets } from './tickets.ts';
import type { ListedDoorTicket, Scan, ScanResult } from './tickets-rows.ts';
import type { Uuid } from './values.ts';

/** Where a scanner stands, and how it checks codes. */
export interface ScannerOptions extends Pick<CodeCheckOptions, 'verify'> {
  listId: Uuid;
  /** The name of the gate, for the organizer. */
  gate?: string;
  /** Longest wait for the platform before the device decides by itself, in milliseconds. Default 2500. */
  patienceMs?: number;
  /** A scan that was reported later and is a conflict: the person is in, and something was wrong. */
  onConflict?(scan: Scan): void;
}

/** What the door does. */
export interface DoorDecision {
  isAdmitted: boolean;
  /** `forged` and `expired` are what a device sees without a connection; the others are as in {@link Scan}. */
  result: ScanResult | 'forged' | 'expired';
  ticket: Omit<ListedDoorTicket, 'is_in_list' | 'custody' | 'status' | 'admitted_at'> | null;
  /** Whether the device decided by itself. It reports the scan as soon as it can. */
  isOffline: boolean;
}

interface Stored {
  keys: TicketKey[];
  asOf: string | null;
  tickets: ListedDoorTicket[];
  waiting: OfflineScan[];
}

const batch = 200;

/**
 * Scans tickets with and without a connection. With one, the platform decides. Without one, the device checks the
 * signature of the code and looks into the list that it has; what it did is reported later, as it happened.
 */
export class TicketScanner {
  readonly #checkIn: CheckIn;
  readonly #tickets: Tickets;
  readonly #options: ScannerOptions & { storage: QueueStorage };
  readonly #key: string;
  readonly #known = new Map<Uuid, ListedDoorTicket>();
  #keys: TicketKey[] = [];
  #asOf: string | null = null;
  #waiting: OfflineScan[] = [];
  // One write after the other: an older state must not replace a newer one.
  #saved: Promise<unknown> = Promise.resolve();
  #syncing: Promise<void> | null = null;

  /** Made by `checkIn.scanner`. */
  constructor(checkIn: CheckIn, tickets: Tickets, options: ScannerOptions & { storage: QueueStorage }) {
    this.#checkIn = checkIn;
    this.#tickets = tickets;
    this.#options = options;
    this.#key = `journey.scanner.${options.listId}`;
  }

  /** Scans that the platform does not know yet. */
  get waiting(): readonly OfflineScan[] {
    return this.#waiting;
  }

  /** How many tickets the device knows. */
  get size(): number {
    return this.#known.size;
  }

  /** Loads what the device has stored, then asks for what is new. Without a connection it goes on with what it has. */
  async start(): Promise<void> {
    const stored = readStored(await this.#options.storage.getItem(this.#key));
    if (stored) {
      this.#keys = stored.keys;
      this.#asOf = stored.asOf;
      this.#waiting = stored.waiting;
      for (const ticket of stored.tickets) this.#known.set(ticket.ticket_id, ticket);
    }
    await this.refresh();
  }

  /** Reports what waits, and reads what has changed. Answers the error that stopped it, or null. */
  async refresh(): Promise<JourneyError | null> {
    await this.sync();
    const { listId } = this.#options;
    const keys = await this.#tickets.keys();
    if (keys.error) return keys.error;
    this.#keys = keys.data;
    let asOf: string | null = null;
    for (let after: Uuid | undefined; ; ) {
      const page = await this.#checkIn.doorTickets({ listId, since: this.#asOf ?? undefined, after });
      if (page.error) return page.error;
      // the mark of the first page: what changed while the others were read is read again next time
      asOf ??= page.data.as_of;
      for (const ticket of page.data.tickets) this.#known.set(ticket.ticket_id, ticket);
      after = page.data.tickets.at(-1)?.ticket_id;
      if (page.data.tickets.length < doorPage) break;
    }
    this.#asOf = asOf;
    await this.#save();
    return null;
  }

  /** Scans a code: asks the platform, and decides by itself when that does not answer in time. */
  async scan(code: string): Promise<DoorDecision> {
    const { listId, gate, patienceMs = 2500 } = this.#options;
    const clientScanId = createIdempotencyKey();
    const { data, error } = await this.#checkIn.scan(
      { listId, code, gate, clientScanId },
      { timeoutMs: patienceMs, retries: 0 },
    );
    if (data) {
      this.#noteAdmission(data);
      return {
        isAdmitted: data.is_admitted,
        result: data.result,
        ticket: data.ticket ?? null,
        isOffline: false,
      };
    }
    // an answer that refuses is no lost connection
    if (error.outcome === 'not_applied' && !error.retryable) throw error;
    return this.#decide(code, clientScanId);
  }

  async #decide(code: string, clientScanId: Uuid): Promise<DoorDecision> {
    const { claims, problem } = await readTicketCode(code, this.#keys, { verify: this.#options.verify });
    if (!claims) {
      const result = problem === 'forged' || problem === 'expired' ? problem : 'unknown';
      return { isAdmitted: false, result, ticket: null, isOffline: true };
    }
    const ticket = this.#known.get(claims.ticketId);
    const result: ScanResult = !ticket
      ? 'other_event'
      : claims.custody < ticket.custody
        ? 'old_code'
        : ticket.status !== 'valid'
          ? 'cancelled'
          : !ticket.is_in_list
            ? 'other_list'
            : ticket.admitted_at !== null
              ? 'already_admitted'
              : 'ok';
    const scannedAt = new Date().toISOString();
    if (ticket) {
      this.#waiting.push({
        clientScanId,
        code,
        scannedAt,
        isAdmitted: result === 'ok',
        gate: this.#options.gate,
      });
      if (result === 'ok') ticket.admitted_at = scannedAt;
      await this.#save();
      void this.sync();
    }
    return { isAdmitted: result === 'ok', result, ticket: ticket ?? null, isOffline: true };
  }

  /** Reports what waits. Resolves when nothing more can be reported now. */
  sync(): Promise<void> {
    this.#syncing ??= this.#report().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  async #report(): Promise<void> {
    while (this.#waiting.length > 0) {
      const scans = this.#waiting.slice(0, batch);
      const { data, error } = await this.#checkIn.sync({ listId: this.#options.listId, scans });
      if (error) return;
      this.#waiting.splice(0, scans.length);
      await this.#save();
      for (const scan of data) {
        this.#noteAdmission(scan);
        if (scan.is_admitted && scan.result !== 'ok') this.#options.onConflict?.(scan);
      }
    }
  }

  #noteAdmission({ ticket, is_admitted, result, scanned_at, first }: Scan): void {
    const known = ticket && this.#known.get(ticket.ticket_id);
    if (!known) return;
    if (is_admitted && result === 'ok') known.admitted_at ??= scanned_at;
    if (result === 'already_admitted') known.admitted_at ??= first?.scanned_at ?? scanned_at;
  }

  #save(): Promise<unknown> {
    const { storage } = this.#options;
    this.#saved = this.#saved.then(() => {
      const state: Stored = {
        keys: this.#keys,
        asOf: this.#asOf,
        tickets: [...this.#known.values()],
        waiting: this.#waiting,
      };
      return storage.setItem(this.#key, JSON.stringify(state));
    });
    return this.#saved;
  }
}

/** What cannot be read is of another version, or damaged: the list is read anew. */
function readStored(text: string | null): Stored | null {
  try {
    const { keys, asOf, tickets, waiting } = JSON.parse(text ?? 'null') as Stored;
    return Array.isArray(keys) && Array.isArray(tickets) && Array.isArray(waiting)
      ? { keys, asOf, tickets, waiting }
      : null;
  } catch {
    return null;
  }
}
