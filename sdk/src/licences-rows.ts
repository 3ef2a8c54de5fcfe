import type { ReviewClaim } from './admin-rows.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { StoredFile } from './media-rows.ts';
import type { Uuid } from './values.ts';

/** A submitted driver licence. The number itself is never returned. */
export type DriverLicence = Tables['driver_licences'];
export type LicenceStatus = DriverLicence['status'];

/** A licence that waits for a review. `media.signedUrls` gives addresses of its photos. */
export interface LicenceToReview
  extends Omit<Rows['licences_to_review'], 'front' | 'back' | 'same_number' | 'claim' | 'suspended'> {
  /** Suspended people with the same licence number or phone. */
  suspended: { user_id: Uuid; reason: string; same: 'licence' | 'phone' }[];
  /** Who works on it. Null: nobody. */
  claim: ReviewClaim | null;
  front: StoredFile;
  back: StoredFile;
  /** Licences of other people with this number. */
  same_number: {
    licence_id: Uuid;
    user_id: Uuid;
    display_name: string;
    status: LicenceStatus;
  }[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    licences_to_review: LicenceToReview;
  }
}
