import type { Nullable } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';

/** The signed-in user's own profile. */
export type Profile = Tables['profiles'];

/** What anybody may see of another person. `avatar_path` is in the bucket `avatars`; see `media.signedUrl`. */
export interface PublicProfile extends Nullable<Rows['public_profile'], 'avatar_path' | 'rating_average'> {}

declare module './core/shapes.ts' {
  interface Shapes {
    public_profile: PublicProfile;
  }
}
