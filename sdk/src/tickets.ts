import type { CallOptions, Calls } from './core/calls.ts';
import { uuidForm } from './core/ids.ts';
import { type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import { localError } from './core/rows.ts';
import { fail, type Result } from './result.ts';
import type { TicketKey } from './ticket-codes.ts';
import type { ListedTicket, NewTicketOffer, Ticket, TicketCode, TicketOffer } from './tickets-rows.ts';
import type { Uuid } from './values.ts';

/** Tickets of the signed-in person. */
export class Tickets {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The tickets that the person holds, with what their screen needs: those that are valid for events still to come, the next
   * event first; with `upcoming: false` all of them, the latest event first.
   * Errors: `invalid_input`.
   *
   * @example `const { data: page } = await journey.tickets.list()`
   */
  list(
    { upcoming = true, ...page }: PageOptions & { upcoming?: boolean } = {},
    options?: CallOptions,
  ): List<ListedTicket> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_tickets', { upcoming, after, page_size }, options);
    return readList({ by: ['starts_at', 'id'], read }, page, options);
  }

  /**
   * The text of a ticket's QR code. Store it: it opens the door without a connection too, until the ticket is cancelled or
   * passed on. Draw it with error correction L.
   * Errors: `tickets_not_configured`, `invalid_input`.
   *
   * @example `const { data } = await journey.tickets.code(ticket.id); drawQr(data?.code);`
   */
  code(ticketId: Uuid, options?: CallOptions): Promise<Result<TicketCode>> {
    return this.#calls.invoke<TicketCode>('repeatable', 'tickets/code', { ticket_id: ticketId }, options);
  }

  /**
   * A ticket as an HTML page to show in a web view or to print, with its QR code.
   * Errors: `ticket_not_found`, `invalid_input`, `tickets_not_configured`.
   */
  async page(ticketId: Uuid, options?: CallOptions): Promise<Result<string>> {
    if (!uuidForm.test(ticketId)) return notAnId(options);
    return this.#calls.read<string>(`tickets/page/${ticketId}`, options);
  }

  /**
   * A ticket as a calendar file (iCalendar). Importing a later one updates the entry.
   * Errors: `ticket_not_found`, `invalid_input`.
   */
  async calendar(ticketId: Uuid, options?: CallOptions): Promise<Result<string>> {
    if (!uuidForm.test(ticketId)) return notAnId(options);
    return this.#calls.read<string>(`tickets/calendar/${ticketId}`, options);
  }

  /**
   * The keys that codes are checked with: see `readTicketCode`. They are public.
   * Errors: `tickets_not_configured`.
   */
  async keys(options?: CallOptions): Promise<Result<TicketKey[]>> {
    return mapResult(
      await this.#calls.read<{ keys: TicketKey[] }>('tickets/keys', options),
      ({ keys }) => keys,
    );
  }

  /**
   * Writes who will come on a ticket (1–120 characters), or takes the name off (null). The code stays.
   * Errors: `ticket_not_found`, `ticket_cancelled`, `ticket_over`, `ticket_used`, `ticket_fixed`
   * (details.until), `invalid_input`.
   */
  rename(ticketId: Uuid, holderName: string | null, options?: CallOptions): Promise<Result<Ticket>> {
    return this.#calls.rpc('rename_ticket', { ticket_id: ticketId, holder_name: holderName }, options);
  }

  /**
   * Offers a ticket to a person, or without `toUserId` to anybody who has the code of the answer. The ticket stays the giver's,
   * and opens the door, until the other person accepts. An earlier offer of the ticket ends.
   * Errors: `ticket_not_found`, `ticket_cancelled`, `ticket_over`, `ticket_used`, `ticket_fixed`
   * (details.until), `transfers_forbidden`, `not_found`, `account_suspended`, `invalid_input`,
   * `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: offer } = await journey.tickets.offer(ticket.id);
   * if (offer) share(`https://app.example.com/tickets/${offer.id}#${offer.code}`);
   * ```
   */
  offer(
    ticketId: Uuid,
    { toUserId }: { toUserId?: Uuid } = {},
    options?: CallOptions,
  ): Promise<Result<NewTicketOffer>> {
    return this.#calls.rpc('offer_ticket', { ticket_id: ticketId, to_user_id: toUserId }, options);
  }

  /** Tickets that are offered to the person, at most 100, the one that ends first first. */
  offers(options?: CallOptions): Promise<Result<TicketOffer[]>> {
    return this.#calls.rpc('my_ticket_offers', {}, options);
  }

  /**
   * Accepts an offer; `code` for one that was made to anybody who has it. The ticket is the person's from then on, and the
   * giver's code no longer opens the door. Repeatable.
   * Errors: `transfer_not_found`, `transfer_over`, `ticket_cancelled`, `ticket_over`, `ticket_used`,
   * `ticket_fixed` (details.until), `account_suspended`, `rate_limited`.
   */
  accept(transferId: Uuid, { code }: { code?: string } = {}, options?: CallOptions): Promise<Result<Ticket>> {
    return this.#calls.rpc('accept_ticket', { transfer_id: transferId, code }, options);
  }

  /**
   * Declines an offer. Repeatable.
   * Errors: `transfer_not_found`, `transfer_over`.
   */
  decline(transferId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('decline_ticket', { transfer_id: transferId }, options);
  }

  /**
   * Takes an offer back that nobody has accepted. Repeatable.
   * Errors: `transfer_not_found`, `transfer_over`.
   */
  withdrawOffer(transferId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('withdraw_ticket_offer', { transfer_id: transferId }, options);
  }
}

function notAnId<T>(options?: CallOptions): Result<T> {
  return fail(localError('invalid_input', { field: 'ticketId', problem: 'must be a UUID' }, options));
}
