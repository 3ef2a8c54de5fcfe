import type { Tables } from './generated/database.ts';

/** One upload: a ticket while `reserved`, a usable file when `ready`. */
export type Media = Tables['media'];
export type MediaPurpose = Media['purpose'];

/** Where a file is; `media.signedUrls` gives addresses under which it can be shown. */
export type StoredFile = Pick<Media, 'bucket' | 'path'>;

/** A photo in its place. */
export interface PlacedImage extends StoredFile {
  media_id: Media['id'];
}
