import type { Tables } from './generated/database.ts';

/** One upload: a ticket while `reserved`, checked while `processing`, a picture that can be shown when `ready`. */
export type Media = Tables['media'];
export type MediaPurpose = Media['purpose'];

/**
 * Where a picture is; `media.url` and `media.signedUrls` give addresses under which it can be shown. With `status`, a
 * picture that is not ready is told from one that is not there.
 */
export type StoredFile = Pick<Media, 'bucket' | 'path'> & Partial<Pick<Media, 'status'>>;

/** Fits into 320, 960 or 2048 pixels; never larger than what was uploaded. */
export type MediaSize = 'thumbnail' | 'medium' | 'large';

/** A photo in its place. */
export interface PlacedImage extends StoredFile {
  media_id: Media['id'];
}
