import { readFileSync } from 'node:fs';
import sharp from 'sharp';

/** A real HEIC picture, red over green on the left: 96 × 64, with time and place of the shot. */
export const heic = (): Uint8Array => new Uint8Array(readFileSync(new URL('photo.heic', import.meta.url)));

/** What a phone writes: when, in which time zone, and where. */
const shot = {
  IFD0: { Make: 'Journey', Model: 'Test' },
  IFD2: { DateTimeOriginal: '2026:11:20 08:15:30', OffsetTimeOriginal: '+07:00' },
  IFD3: {
    GPSLatitudeRef: 'N',
    GPSLatitude: '21/1 1/1 4200/100',
    GPSLongitudeRef: 'E',
    GPSLongitude: '105/1 51/1 1500/100',
  },
};

/** Left half red, right half blue, as a camera that is held upright stores it: lying on its side when `orientation` is 6. */
export async function jpegFromCamera(width: number, height: number, orientation = 1): Promise<Uint8Array> {
  const half = { width: width / 2, height, channels: 3, background: '#e01010' } as const;
  const bytes = await sharp({ create: { width, height, channels: 3, background: '#1010e0' } })
    .composite([{ input: await sharp({ create: half }).png().toBuffer(), left: 0, top: 0 }])
    .withExif(shot)
    .withMetadata({ orientation })
    .withExifMerge(shot)
    .jpeg({ quality: 85 })
    .toBuffer();
  return new Uint8Array(bytes);
}

/** A picture that is not repeated: different noise each time, so that no two uploads have one hash. */
export async function noise(width: number, height: number): Promise<Uint8Array> {
  const background = { r: Math.floor(Math.random() * 255), g: 120, b: 200 };
  const image = sharp({
    create: { width, height, channels: 3, background, noise: { type: 'gaussian', mean: 128, sigma: 40 } },
  });
  return new Uint8Array(await image.jpeg({ quality: 80 }).toBuffer());
}

/** A PNG of a few bytes that claims to hold so many pixels. */
export async function claimingPng(width: number, height: number): Promise<Uint8Array> {
  const bytes = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  const { crc32 } = await import('node:zlib');
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return new Uint8Array(bytes);
}
