import type { ReviewClaim } from './admin-rows.ts';
import type { Nullable, Refine } from './core/shapes.ts';
import type { ModerationActionsRow, ReportsRow, Rows, Tables } from './generated/database.ts';
import type { Timestamp, Uuid } from './values.ts';

/** What can be reported: a listing, a person, an event, a message of a conversation, or a review. */
export type ReportKind = 'vehicle' | 'person' | 'event' | 'message' | 'review';
/** open until staff decides; then upheld (staff acted) or dismissed. */
export type ReportStatus = ReportsRow['status'];

/** What something may be reported for. */
export interface ReportCategory extends Refine<Tables['report_categories'], { kind: ReportKind }> {}

/** A report of the signed-in person, as it was made. */
export interface Report
  extends Refine<
    ReportsRow,
    {
      kind: ReportKind;
      status: ReportStatus;
    }
  > {}

/** A report in the list of the signed-in person. `name` is null when that person no longer sees what was reported. */
export interface ListedReport
  extends Refine<
    Nullable<Rows['my_reports'], 'seq' | 'name' | 'decided_at'>,
    { kind: ReportKind; status: ReportStatus }
  > {}

/** Something of the signed-in person that staff has hidden or suspended, and why. */
export interface OwnModeration
  extends Refine<
    Nullable<Rows['my_moderation'], 'seq' | 'name' | 'reason' | 'until' | 'undone_at'>,
    { kind: ReportKind; action: 'hide' | 'suspend' }
  > {}

/** What was reported and waits, one row for each subject. */
export interface ReportedSubject
  extends Refine<
    Nullable<Rows['reports_to_review'], 'seq' | 'name'>,
    {
      kind: ReportKind;
      /** 1 to 3; 3 is what somebody may be hurt or robbed by. */
      severity: number;
      /** How many people report it for what. */
      categories: Record<string, number>;
      /** Who works on it. */
      claim: ReviewClaim | null;
    }
  > {}

export type ModerationVerb = ModerationActionsRow['action'];

/** What staff did. `undoes` is the action that a restoring one takes back. */
export interface ModerationAction
  extends Refine<
    ModerationActionsRow,
    {
      action: ModerationVerb;
      /** The state before, for example `{ status: 'published', revision: 3 }`. */
      before: Record<string, unknown>;
    }
  > {}

/** An action in the log of staff. */
export interface LoggedAction
  extends Refine<
    Nullable<Rows['moderation_log'], 'seq' | 'reason' | 'until' | 'undoes' | 'actor_id' | 'actor_name'>,
    { kind: ReportKind; action: ModerationVerb }
  > {}

/** A case with everything that its screen needs. */
export interface ModerationCase {
  case: {
    id: Uuid;
    kind: ReportKind;
    subject_id: Uuid;
    /** Of a message. */
    seq: number | null;
    owner_id: Uuid;
    status: 'open' | 'decided';
    waiting_since: Timestamp | null;
    created_at: Timestamp;
  };
  /** Null when it is gone; so are `version` and `shown`. */
  name: string | null;
  owner_name: string;
  is_gone: boolean;
  is_restricted: boolean;
  version: string | null;
  /** What readers see of it, or saw before it was hidden. */
  shown: Record<string, unknown> | null;
  claim: ReviewClaim | null;
  reports: (Omit<Report, 'case_id'> & {
    reporter_name: string;
    /** What the reporter saw; null when its owner has deleted the account. */
    shown: Record<string, unknown> | null;
    version: string | null;
    reporter_upheld: number;
    reporter_dismissed: number;
  })[];
  actions: (Omit<ModerationAction, 'case_id'> & {
    /** Who of the staff; null when a row was changed by hand. */
    actor_id: Uuid | null;
    actor_name: string | null;
    stands: boolean;
  })[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    report_categories: ReportCategory;
    reports: Report;
    moderation_actions: ModerationAction;
    my_reports: ListedReport;
    my_moderation: OwnModeration;
    reports_to_review: ReportedSubject;
    moderation_case: ModerationCase;
    moderation_log: LoggedAction;
  }
}
