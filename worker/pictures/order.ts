/** What is asked of the process that reads pixels. */
export interface Order {
  bytes: Uint8Array;
  mimeType: string;
  maxMegapixels: number;
  /** `worker`: thumbnail, medium and large. `storage`: one picture, of which Storage makes the sizes. */
  by: 'worker' | 'storage';
}

export type Size = 'thumbnail' | 'medium' | 'large' | 'whole';
export type Format = 'webp' | 'jpeg';

/** One picture that is shown. */
export interface Made {
  size: Size;
  format: Format;
  width: number;
  height: number;
  bytes: Uint8Array;
}

/** When and where a picture was taken, as the camera wrote it. */
export interface Facts {
  /** ISO 8601, in UTC. Missing when the camera did not write its time zone. */
  captured_at?: string;
  /** The clock of the camera, without a time zone. */
  captured_local?: string;
  lat?: number;
  lng?: number;
}

export type RefusalCode = 'media_unreadable' | 'media_too_many_pixels';

export type Outcome =
  | { kind: 'made'; made: Made[]; facts: Facts | null }
  /** No try can succeed with these bytes. */
  | { kind: 'refused'; code: RefusalCode; problem: string };
