import type { ReviewClaim } from './admin-rows.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { StoredFile } from './media-rows.ts';
import type { Uuid } from './values.ts';

/** A submitted driver licence. The number itself is never returned. */
export type DriverLicence = Tables['driver_licences'];
/** `before_2025`: issued until 2024-12-31, with the classes of the law of 2008. `from_2025`: newer. */
export type LicenceScheme = DriverLicence['scheme'];

/** A class that a licence may have. `min_age` is in years. */
export interface LicenceClass extends Omit<Rows['licence_classes'], 'scheme'> {
  scheme: LicenceScheme;
}

/** What opens a vehicle; one row is enough. `min_age` is in years, on the first day of a trip. */
export interface RequiredLicence extends Omit<Rows['required_licences'], 'scheme' | 'class'> {
  /** Null, with `class`, where no licence is needed. */
  scheme: LicenceScheme | null;
  class: string | null;
}

/** What a reviewer reads on the photos in place of what was entered. */
export type LicenceCorrections = Partial<
  Pick<
    DriverLicence,
    'full_name' | 'date_of_birth' | 'classes' | 'automatic_only' | 'issued_on' | 'valid_until'
  >
>;
export type LicenceStatus = DriverLicence['status'];

/** A licence that waits for a review. `media.signedUrls` gives addresses of its photos. */
export interface LicenceToReview
  extends Omit<
      Rows['licences_to_review'],
      'front' | 'back' | 'same_number' | 'claim' | 'suspended' | 'scheme' | 'valid_until'
    >,
    Pick<DriverLicence, 'scheme' | 'valid_until'> {
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
    licence_classes: LicenceClass;
    required_licences: RequiredLicence;
    licences_to_review: LicenceToReview;
  }
}
