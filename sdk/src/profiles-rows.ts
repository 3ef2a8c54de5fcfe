import type { Nullable } from './core/shapes.ts';
import type { BillingDetailsRow, ProfilesRow, Rows } from './generated/database.ts';

/** Where else a person is; `url` begins with `https://` and leads to a place of its kind. */
export interface ProfileLink {
  kind: 'facebook' | 'instagram' | 'linkedin' | 'tiktok' | 'website' | 'x' | 'youtube' | 'zalo';
  url: string;
}

/** The signed-in user's own profile. */
export interface Profile extends ProfilesRow {
  links: ProfileLink[];
}

/** To whom receipts are made out. */
export type BillingDetails = BillingDetailsRow;

/**
 * What anybody may see of another person. `avatar_path` is in the bucket `avatars`; see `media.signedUrl`.
 * `response_minutes` is the median of the last 20 answers to booking requests, null for somebody who was never asked.
 */
export interface PublicProfile
  extends Nullable<Rows['get_users'], 'avatar_path' | 'rating_average' | 'response_minutes'> {}

declare module './core/shapes.ts' {
  interface Shapes {
    profiles: Profile;
    public_profile: PublicProfile;
    get_users: PublicProfile;
    search_users: PublicProfile[];
  }
}
