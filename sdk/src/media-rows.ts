import type { Tables } from './generated/database.ts';

/** One upload: a ticket while `reserved`, a usable file when `ready`. */
export type Media = Tables['media'];
export type MediaPurpose = Media['purpose'];

/** A photo in its place, to be shown through `media.signedUrl`. */
export interface PlacedImage extends Pick<Media, 'bucket' | 'path'> {
  media_id: Media['id'];
}
