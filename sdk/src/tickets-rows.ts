import type { Nullable } from './core/shapes.ts';
import type { EventStatus } from './events-rows.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { Timestamp, Uuid } from './values.ts';

/** A ticket. `secret` and what devices at the door need is not shown. */
export type Ticket = Tables['tickets'];
export type TicketStatus = Ticket['status'];

/** A ticket of the signed-in person, with what its screen needs. */
export interface ListedTicket
  extends Omit<
    Nullable<Rows['my_tickets'], 'holder_name' | 'seat' | 'admitted_at'>,
    'status' | 'event_status'
  > {
  status: TicketStatus;
  event_status: EventStatus;
}

/** A ticket that somebody wants to give to the signed-in person. */
export interface TicketOffer extends Nullable<Rows['my_ticket_offers'], 'seat'> {}

export type TicketTransfer = Tables['ticket_transfers'];

/** An offer that was just made. */
export interface NewTicketOffer extends TicketTransfer {
  /** For anybody who has it: send it together with the id. Null when the offer is for one person. It is shown once. */
  code: string | null;
}

/** The text of a QR code. */
export interface TicketCode {
  code: string;
  /** Until when it opens the door, unless the ticket is cancelled or passed on before. */
  valid_until: Timestamp;
}

export type CheckInList = Tables['check_in_lists'];

/** What the door sees of a ticket. */
export interface DoorTicket {
  ticket_id: Uuid;
  number: string;
  class_id: Uuid;
  class_name: string;
  holder_name: string;
  seat: string | null;
}

/** What became of a scan. `unknown`: it is no code of this platform. */
export type ScanResult =
  | 'ok'
  | 'already_admitted'
  | 'cancelled'
  | 'old_code'
  | 'other_event'
  | 'other_list'
  | 'unknown';

export interface Scan {
  client_scan_id: Uuid;
  is_admitted: boolean;
  result: ScanResult;
  scanned_at: Timestamp;
  ticket?: DoorTicket;
  /** Of `already_admitted`: the scan that admitted it. */
  first?: { scanned_at: Timestamp; gate: string | null; scanner: string } | null;
}

/** A ticket on the list of a device that may lose its connection. */
export interface ListedDoorTicket extends DoorTicket {
  custody: number;
  status: TicketStatus;
  is_in_list: boolean;
  admitted_at: Timestamp | null;
}

export interface DoorTickets {
  /** Asks for what has changed, as `since` of a later call. */
  as_of: string;
  tickets: ListedDoorTicket[];
}

/** A ticket of an event, for its organizer. */
export interface Attendee extends Omit<Nullable<Rows['event_attendees'], 'seat' | 'admitted_at'>, 'status'> {
  status: TicketStatus;
}

/** Somebody whom a device without a connection let in although something was wrong. */
export interface ScanConflict
  extends Omit<
    Nullable<Rows['scan_conflicts'], 'gate' | 'first_scanned_at' | 'first_gate' | 'cancelled_at'>,
    'result'
  > {
  result: ScanResult;
}

/** The figures of an event. Amounts are in minor units, of tickets that are valid. */
export interface EventSales {
  currency: string;
  classes: {
    class_id: Uuid;
    name: string;
    total: number;
    left: number;
    sold: number;
    cancelled: number;
    revenue: number;
    admitted: number;
  }[];
  /** By the calendar of the event. */
  days: { day: string; tickets: number; revenue: number }[];
  /** How many orders there are of each state. */
  orders: Partial<Record<string, number>>;
  scans: { list_id: Uuid; name: string; admitted: number; refused: number; conflicts: number }[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    my_tickets: ListedTicket;
    my_ticket_offers: TicketOffer;
    offer_ticket: NewTicketOffer;
    event_attendees: Attendee;
    scan_conflicts: ScanConflict;
    scan_ticket: Scan;
    sync_scans: Scan[];
    door_tickets: DoorTickets;
    event_sales: EventSales;
  }
}
