import type { Refine } from './core/shapes.ts';
import type { EventStatus } from './events-rows.ts';
import type {
  OrganizerInvitationsRow,
  OrganizerMembersRow,
  OrganizersRow,
  Rows,
} from './generated/database.ts';
import type { Currency, Minor, Timestamp, Uuid } from './values.ts';

/** Who holds events, as visitors may read it. */
export interface Organizer extends OrganizersRow {}

/** What a member may do: everything (`admin`), sell (`editor`), read (`viewer`), or scan tickets and nothing else. */
export type OrganizerRole = OrganizerMember['role'];

export interface OrganizerMember extends OrganizerMembersRow {}

/** An invitation to act for an organizer, as its admins see it. */
export interface OrganizerInvitation extends OrganizerInvitationsRow {}

/** An organizer that the signed-in person acts for. */
export interface MyOrganizer extends Refine<Rows['my_organizers'], { role: OrganizerRole }> {}

/** A member with the name that others see. */
export interface TeamMember
  extends Refine<
    Rows['organizer_team'],
    { display_name: string | null; avatar_path: string | null; role: OrganizerRole }
  > {}

/** An open invitation of the signed-in person. */
export interface MyInvitation {
  id: Uuid;
  organizer_id: Uuid;
  organizer_name: string;
  role: OrganizerRole;
  expires_at: Timestamp;
  created_at: Timestamp;
}

/** What an organizer says of itself. */
export interface OrganizerDetails {
  /** 2 to 120 characters. */
  name: string;
  /** At most 4000 characters. */
  description?: string;
}

/** What an event earns, for the admins of its organizer. Amounts are in minor units. */
export interface EventEarnings {
  /** Of the event. */
  id: Uuid;
  title: string;
  ends_at: Timestamp;
  status: EventStatus;
  currency: Currency;
  /** Valid tickets. */
  tickets: number;
  /** What was paid for them. */
  gross: Minor;
  tax: Minor;
  /** Of the platform. */
  fee: Minor;
  /** What the owner gets. */
  net: Minor;
  /** Of net: in the owner's balance already. */
  earned: Minor;
  /** Of net: not yet. */
  waiting: Minor;
  /** Of gross: kept back while something is checked. */
  frozen: Minor;
  /** Given back for cancelled tickets. */
  refunded: Minor;
  /** When it becomes the owner's. Null for an event that has no date or does not take place. */
  due_at: Timestamp | null;
}

declare module './core/shapes.ts' {
  interface Shapes {
    organizer_earnings: EventEarnings;
    my_organizers: MyOrganizer;
    organizer_team: TeamMember;
    my_invitations: MyInvitation;
  }
}
