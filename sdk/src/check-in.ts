import type { CallOptions, Calls } from './core/calls.ts';
import { createIdempotencyKey, uuidForm } from './core/ids.ts';
import { type List, type PageOptions, readList } from './core/pages.ts';
import { localError } from './core/rows.ts';
import type { QueueStorage } from './realtime/message-queue.ts';
import { fail, type Result } from './result.ts';
import { type ScannerOptions, TicketScanner } from './ticket-scanner.ts';
import type { Tickets } from './tickets.ts';
import type { Attendee, CheckInList, DoorTickets, EventSales, Scan, ScanConflict } from './tickets-rows.ts';
import type { Timestamp, Uuid } from './values.ts';

/** How many tickets a page of the door has; a shorter one is the last. */
export const doorPage = 1000;

/** What a device did without a connection. */
export interface OfflineScan {
  clientScanId: Uuid;
  code: string;
  scannedAt: Timestamp;
  isAdmitted: boolean;
  gate?: string;
}

/** The door of an event, and its figures, for those who act for the organizer. */
export class CheckIn {
  readonly #calls: Calls;
  readonly #tickets: Tickets;

  constructor(calls: Calls, tickets: Tickets) {
    this.#calls = calls;
    this.#tickets = tickets;
  }

  /** The lists of an event where tickets are scanned. Each event begins with one for all its tickets. */
  lists(eventId: Uuid, options?: CallOptions): Promise<Result<CheckInList[]>> {
    return this.#calls.table<CheckInList[]>(
      'read',
      (client) =>
        client.from('check_in_lists').select().eq('event_id', eventId).order('created_at').limit(100),
      options,
    );
  }

  /**
   * Makes a list, or with `listId` changes it. `classIds` are the kinds of tickets that it admits; without them all.
   * Errors: `event_not_found`, `organizer_not_found`, `forbidden`, `check_in_list_not_found`,
   * `ticket_class_not_found`, `invalid_input`.
   */
  saveList(
    input: { eventId: Uuid; name: string; classIds?: Uuid[]; listId?: Uuid },
    options?: CallOptions,
  ): Promise<Result<CheckInList>> {
    const { eventId, name, classIds, listId } = input;
    const args = { event_id: eventId, name, class_ids: classIds, list_id: listId };
    return this.#calls.rpc('save_check_in_list', args, options);
  }

  /**
   * Scans a code on a list, with a connection. A result other than `ok` is an answer, not an error.
   * Errors: `check_in_list_not_found`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: scan } = await journey.checkIn.scan({ listId, code: text, gate: 'North' });
   * if (scan?.result === 'already_admitted') console.log('used at', scan.first?.gate);
   * ```
   */
  scan(
    input: { listId: Uuid; code: string; gate?: string; clientScanId?: Uuid },
    options?: CallOptions,
  ): Promise<Result<Scan>> {
    const { listId, code, gate, clientScanId = createIdempotencyKey() } = input;
    const args = { list_id: listId, code, client_scan_id: clientScanId, gate };
    return this.#calls.rpc('scan_ticket', args, options);
  }

  /**
   * Reports what a device did without a connection, 1 to 200 scans. Each is recorded as it happened. Repeatable.
   * Errors: `check_in_list_not_found`, `invalid_input`, `rate_limited`.
   */
  sync(
    { listId, scans }: { listId: Uuid; scans: readonly OfflineScan[] },
    options?: CallOptions,
  ): Promise<Result<Scan[]>> {
    const sent = scans.map(({ clientScanId, code, scannedAt, isAdmitted, gate }) => ({
      client_scan_id: clientScanId,
      code,
      scanned_at: scannedAt,
      is_admitted: isAdmitted,
      gate,
    }));
    return this.#calls.rpc('sync_scans', { list_id: listId, scans: sent }, options);
  }

  /**
   * What a device needs to scan without a connection, 1,000 tickets a page, by id; `after` takes the last id. `since` is the `as_of` of an earlier reading and asks for
   * what has changed. {@link scanner} does this by itself.
   * Errors: `check_in_list_not_found`, `invalid_input`.
   */
  doorTickets(
    { listId, since, after }: { listId: Uuid; since?: string; after?: Uuid },
    options?: CallOptions,
  ): Promise<Result<DoorTickets>> {
    const args = { list_id: listId, since, after, page_size: doorPage };
    return this.#calls.rpc('door_tickets', args, options);
  }

  /**
   * A scanner that works with and without a connection. `storage` keeps the list and the scans that are not reported yet
   * when the app is closed.
   *
   * @example
   * ```ts
   * const scanner = await journey.checkIn.scanner({ listId, storage: AsyncStorage, gate: 'North' });
   * const { result, isAdmitted } = await scanner.scan(text);
   * ```
   */
  async scanner(options: ScannerOptions & { storage: QueueStorage }): Promise<TicketScanner> {
    const scanner = new TicketScanner(this, this.#tickets, options);
    await scanner.start();
    return scanner;
  }

  /**
   * People whom a device let in without a connection although their ticket was used elsewhere, cancelled, passed on, or for
   * another event or list; the last one that was reported first.
   * Errors: `event_not_found`, `invalid_input`.
   */
  conflicts(
    { eventId, ...page }: PageOptions & { eventId: Uuid },
    options?: CallOptions,
  ): List<ScanConflict> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('scan_conflicts', { event_id: eventId, after, page_size }, options);
    return readList({ by: ['received_at', 'id'], read }, page, options);
  }

  /**
   * The tickets of an event with their holders, by id.
   * Errors: `event_not_found`, `invalid_input`.
   */
  attendees({ eventId, ...page }: PageOptions & { eventId: Uuid }, options?: CallOptions): List<Attendee> {
    const read = (page_size: number, place?: Pick<Attendee, 'ticket_id'>) =>
      this.#calls.rpc('event_attendees', { event_id: eventId, after: place?.ticket_id, page_size }, options);
    return readList({ by: ['ticket_id'], read }, page, options);
  }

  /**
   * The same as one CSV file that spreadsheets open right: UTF-8 with its mark, and no text is a formula.
   * Errors: `invalid_input`, `event_not_found`.
   */
  async attendeesCsv(eventId: Uuid, options?: CallOptions): Promise<Result<string>> {
    if (!uuidForm.test(eventId)) {
      return fail(localError('invalid_input', { field: 'eventId', problem: 'must be a UUID' }, options));
    }
    return this.#calls.read<string>(`tickets/attendees/${eventId}`, options);
  }

  /**
   * Sales, orders and scans of an event in one call.
   * Errors: `event_not_found`.
   */
  sales(eventId: Uuid, options?: CallOptions): Promise<Result<EventSales>> {
    return this.#calls.rpc('event_sales', { event_id: eventId }, options);
  }
}
