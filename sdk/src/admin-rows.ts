import type { Nullable } from './core/shapes.ts';
import type { Rows } from './generated/database.ts';
import type { Timestamp, Uuid } from './values.ts';

/**
 * What must hold and does not, found by the backend's own check; none means healthy. `invariant` is a name of
 * docs/invariants.md, which says what to do; `subject_id` is the row it is about, null when it could not be checked.
 */
export interface InvariantViolation
  extends Omit<Nullable<Rows['check_invariants'], 'subject_id'>, 'severity'> {
  /** critical: rows contradict each other; warning: work is late, or waits for a person. */
  severity: 'critical' | 'warning';
}

/** A case that waits for a review: `subjectId` is the id of the licence, the vehicle or its papers. */
export interface ReviewCase {
  kind: 'licence' | 'vehicle' | 'vehicle_document' | 'report';
  subjectId: Uuid;
}

/** Who works on a case, and until when alone. */
export interface ReviewClaim {
  claimed_by: Uuid;
  claimed_by_name: string;
  claimed_at: Timestamp;
  expires_at: Timestamp;
}

declare module './core/shapes.ts' {
  interface Shapes {
    check_invariants: InvariantViolation;
    claim_review: ReviewClaim;
  }
}
