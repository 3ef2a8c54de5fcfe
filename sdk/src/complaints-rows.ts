import type { Nullable, Refine } from './core/shapes.ts';
import type { ComplaintsRow, Rows, Tables } from './generated/database.ts';
import type { Payable } from './payables-rows.ts';
import type { Currency, Minor, Timestamp, Uuid } from './values.ts';

/** Whose complaint it is: a side of a booking, or of an order of tickets. */
export type ComplaintSide = 'renter' | 'host' | 'buyer' | 'organizer';
export type ComplaintKind = 'booking' | 'order';
export type ComplaintStatus = ComplaintsRow['status'];
export type ComplaintOutcome = NonNullable<ComplaintsRow['outcome']>;
export type DesiredOutcome = ComplaintsRow['desired_outcome'];

/** A complaint, as both sides and staff read it. */
export interface Complaint extends Refine<ComplaintsRow, { kind: ComplaintKind; side: ComplaintSide }> {}

/** What a side may complain about. */
export interface ComplaintCategory
  extends Refine<Tables['complaint_categories'], { kind: ComplaintKind; side: ComplaintSide }> {}

/** A complaint in a list of the signed-in person. */
export interface ListedComplaint
  extends Refine<
    Nullable<Rows['my_complaints'], 'outcome'>,
    { kind: ComplaintKind; side: ComplaintSide; status: ComplaintStatus; outcome: ComplaintOutcome | null }
  > {}

/** A live complaint, as support sees it in the queue. */
export interface ComplaintToDecide
  extends Refine<
    Nullable<Rows['complaints_to_decide'], 'assignee_id' | 'assignee_name' | 'desired_amount'>,
    {
      kind: ComplaintKind;
      side: ComplaintSide;
      status: ComplaintStatus;
      desired_outcome: DesiredOutcome;
    }
  > {}

/** A picture of a complaint; `media.signedUrls` shows it. */
export interface ComplaintPicture {
  media_id: Uuid;
  owner_id: Uuid;
  added_at: Timestamp;
  bucket: string;
  path: string;
  sha256: string;
}

/** A complaint with everything its screen needs. */
export interface ComplaintDetail {
  complaint: Complaint;
  payable: Payable;
  /** Which side the caller is on. Null for staff. */
  caller_side: ComplaintSide | null;
  /** Who looks into it. Null until somebody does. */
  assignee_name: string | null;
  /** The hash of the frozen record. */
  record_sha256: string;
  /** Whether the money is frozen now, by this complaint or by something else. */
  is_frozen: boolean;
  parties: { user_id: Uuid; side: ComplaintSide; name: string }[];
  evidence: ComplaintPicture[];
}

/** What was known when a complaint was opened. */
export interface ComplaintRecord {
  complaint_id: Uuid;
  recorded_at: Timestamp;
  /** Canonical JSON (RFC 8785): `JSON.parse` reads it, and its UTF-8 bytes have the hash. */
  record: string;
  /** Lower-case hex. */
  sha256: string;
  /** The backend has computed the hash just now, and its log has the same. */
  is_intact: boolean;
}

/** A record, and whether the hash that was computed here is the one that the backend says. */
export interface CheckedRecord extends ComplaintRecord {
  is_verified: boolean;
}

/** What a decision would move. */
export interface ResolutionPreview {
  complaint_id: Uuid;
  currency: Currency;
  /** What can go back to the payer. 0 while the trip or event is not over. */
  refundable_amount: Minor;
  /** What is left of the deposit. */
  deposit_left: Minor;
  /** What cancelling everything gives back. 0 when it is over. */
  cancel_refund_amount: Minor;
  refund_amount: Minor;
  /** Whose money the refund is: earnings of the host or organizer, fees, tax. */
  host_gives: Minor;
  platform_gives: Minor;
  tax_gives: Minor;
  deposit_to_host: Minor;
  /** What the balance of the host or organizer changes by; `resolve` takes it. */
  host_change: Minor;
  /** Payments of the extensions and charges of a booking. They are frozen with it, and given back by `admin.refunds`. */
  parts: {
    payable_id: Uuid;
    kind: Tables['payables']['kind'];
    payment_id: Uuid;
    status: Tables['payments']['status'];
    amount: Minor;
    refunded_amount: Minor;
  }[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    complaints: Complaint;
    complaint_categories: ComplaintCategory;
    my_complaints: ListedComplaint;
    complaints_to_decide: ComplaintToDecide;
    complaint_detail: ComplaintDetail;
    complaint_record: ComplaintRecord;
    preview_resolution: ResolutionPreview;
  }
}
