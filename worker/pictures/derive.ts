import decodeHeic from 'heic-decode';
import sharp, { type OutputInfo, type Sharp } from 'sharp';
import { readFacts } from './facts.ts';
import type { Format, Made, Order, Outcome, RefusalCode, Size } from './order.ts';

// One picture at a time; the worker runs as many processes as it is told. Nothing is kept for the next picture.
sharp.cache(false);
// Of the many formats that libvips reads, only these: a file that claims to be a JPEG must not reach the others.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`),
});

/** Longest side in pixels. */
const sides = { large: 2048, medium: 960, thumbnail: 320 } as const;

const formats: Record<string, string> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  heif: 'image/heic',
};

class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Pixels between two steps: without anything that the camera wrote, and turned as they are to be seen. */
interface Pixels {
  data: Buffer | Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: OutputInfo['channels'];
}

const pipeline = ({ data, width, height, channels }: Pixels): Sharp =>
  sharp(data, { raw: { width, height, channels }, limitInputPixels: false });

async function pixelsOf(image: Sharp, side: number | null): Promise<Pixels> {
  if (side !== null) image.resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
  const { data, info } = await image
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

async function encode(pixels: Pixels, size: Size, format: Format, quality: number): Promise<Made> {
  const image = pipeline(pixels);
  const encoder =
    format === 'webp'
      ? image.webp({ quality, effort: 2 })
      : image.flatten({ background: '#ffffff' }).jpeg({ quality });
  const { data, info } = await encoder.toBuffer({ resolveWithObject: true });
  return { size, format, width: info.width, height: info.height, bytes: data };
}

const bothFormats = (pixels: Pixels, size: Size): Promise<Made>[] => [
  encode(pixels, size, 'webp', 78),
  encode(pixels, size, 'jpeg', 82),
];

/** Each size is made of the next larger one, so that the original is decoded once. */
async function makeSizes(image: Sharp): Promise<Made[]> {
  const large = await pixelsOf(image, sides.large);
  const made = bothFormats(large, 'large');
  const medium = await pixelsOf(pipeline(large), sides.medium);
  made.push(...bothFormats(medium, 'medium'));
  const thumbnail = await pixelsOf(pipeline(medium), sides.thumbnail);
  made.push(...bothFormats(thumbnail, 'thumbnail'));
  return Promise.all(made);
}

/** The picture, to be read as it is to be seen. sharp decodes no HEVC; there libheif turns it as its file says. */
async function open(bytes: Uint8Array, isHeic: boolean, limit: number): Promise<Sharp> {
  if (!isHeic) return sharp(bytes, { failOn: 'error', limitInputPixels: limit }).autoOrient();
  const { data, width, height } = await decodeHeic({ buffer: bytes });
  return pipeline({ data, width, height, channels: 4 });
}

async function derive({ bytes, mimeType, maxMegapixels, by }: Order): Promise<Outcome> {
  const limit = maxMegapixels * 1_000_000;
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  const { format, width, height } = metadata;
  const isHeic = format === 'heif' && metadata.compression === 'hevc';
  if (formats[format] !== mimeType || (format === 'heif' && !isHeic))
    throw new Refusal('media_unreadable', `it is ${format}, and ${mimeType} was announced`);
  // before any pixel is read
  if (width * height > limit) throw new Refusal('media_too_many_pixels', `${width} × ${height} pixels`);
  const image = await open(bytes, isHeic, limit);
  const made =
    by === 'storage'
      ? [await encode(await pixelsOf(image, null), 'whole', 'jpeg', 90)]
      : await makeSizes(image);
  return { kind: 'made', made, facts: readFacts(metadata.exif) };
}

/** Makes the pictures that are shown of one that was uploaded. Bytes that are no picture are refused; it never throws. */
export async function makePictures(order: Order): Promise<Outcome> {
  try {
    return await derive(order);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const code = error instanceof Refusal ? error.code : 'media_unreadable';
    return { kind: 'refused', code, problem: problem.slice(0, 500) };
  }
}
