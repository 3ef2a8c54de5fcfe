import type { Refine } from './core/shapes.ts';
import type {
  OrganizerInvitationsRow,
  OrganizerMembersRow,
  OrganizersRow,
  Rows,
} from './generated/database.ts';
import type { Timestamp, Uuid } from './values.ts';

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

declare module './core/shapes.ts' {
  interface Shapes {
    my_organizers: MyOrganizer;
    organizer_team: TeamMember;
    my_invitations: MyInvitation;
  }
}
