/** What the bytes of an upload are. Only the structure is read here; a worker decodes the pixels. A document has no size. */
export type Inspection =
  | { whole: true; mimeType: string; width: number | null; height: number | null }
  | {
      whole: false;
      /** What the first bytes say; null when they say nothing that we know. */
      mimeType: string | null;
      code: 'media_unreadable' | 'media_extra_data';
      problem: string;
    };

export type PictureType = 'image/jpeg' | 'image/png' | 'image/webp' | 'image/heic';

/** Where the picture ends, and how large it is. */
interface Extent {
  end: number;
  width: number;
  height: number;
}

export class Unreadable extends Error {}

export const ascii = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));
export const view = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function startsWith(bytes: Uint8Array, offset: number, expected: readonly number[]): boolean {
  return expected.every((byte, i) => bytes[offset + i] === byte);
}

/** The major brand and the compatible ones of an ISO base media file; empty when it is none. */
function brandsOf(bytes: Uint8Array): string[] {
  if (bytes.length < 16 || ascii(bytes, 4, 4) !== 'ftyp') return [];
  const end = Math.min(view(bytes).getUint32(0), bytes.length, 256);
  const brands = [ascii(bytes, 8, 4)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(ascii(bytes, at, 4));
  return brands;
}

/** The type of a file, from its first bytes. A name or a header proves nothing. */
export function sniff(bytes: Uint8Array): string | null {
  if (startsWith(bytes, 0, [0xff, 0xd8, 0xff])) return 'image/jpeg';
  if (startsWith(bytes, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png';
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WEBP') return 'image/webp';
  const brands = brandsOf(bytes);
  if (brands.some((brand) => brand.startsWith('avi'))) return 'image/avif';
  if (brands.some((brand) => /^(he[iv][cxms]|mif1|msf1)$/.test(brand))) return 'image/heic';
  if (brands[0] === 'qt  ') return 'video/quicktime';
  if (brands.length > 0) return 'video/mp4';
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return 'image/gif';
  if (ascii(bytes, 0, 5) === '%PDF-') return 'application/pdf';
  if (ascii(bytes, 0, 4) === 'PK\x03\x04') return 'application/zip';
  const text = ascii(bytes, 0, 1024).toLowerCase();
  if (/<svg[\s>]/.test(text)) return 'image/svg+xml';
  if (/^\s*<(!doctype html|html|head|body|script)/.test(text)) return 'text/html';
  return null;
}

/** The size is in a frame header; the end is the marker after the last scan. */
function measureJpeg(bytes: Uint8Array, start = 0): Extent {
  const data = view(bytes);
  let at = start + 2;
  let size: { width: number; height: number } | null = null;
  let scans = 0;
  for (;;) {
    if (at + 1 >= bytes.length) throw new Unreadable('the picture is cut off');
    if (bytes[at] !== 0xff) throw new Unreadable('there is no marker where one must be');
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xd9) {
      if (!size || scans === 0) throw new Unreadable('it has no picture in it');
      return { ...size, end: at + 2 };
    }
    if (at + 4 > bytes.length) throw new Unreadable('the picture is cut off');
    const length = data.getUint16(at + 2);
    if (length < 2 || at + 2 + length > bytes.length) throw new Unreadable('the picture is cut off');
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && length >= 8) size = { height: data.getUint16(at + 5), width: data.getUint16(at + 7) };
    at += 2 + length;
    if (marker !== 0xda) continue;
    scans += 1;
    // a 0xff within the scan is followed by 0, by a restart marker or by fill bytes
    for (;;) {
      at = bytes.indexOf(0xff, at);
      if (at < 0) throw new Unreadable('the picture is cut off');
      while (bytes[at + 1] === 0xff) at += 1;
      const next = bytes[at + 1];
      if (next === undefined) throw new Unreadable('the picture is cut off');
      if (next !== 0 && (next < 0xd0 || next > 0xd7)) break;
      at += 2;
    }
  }
}

function measurePng(bytes: Uint8Array): Extent {
  const data = view(bytes);
  let at = 8;
  let size: { width: number; height: number } | null = null;
  let hasPixels = false;
  while (at + 12 <= bytes.length) {
    const length = data.getUint32(at);
    const type = ascii(bytes, at + 4, 4);
    if (at + 12 + length > bytes.length) break;
    if (size === null && type !== 'IHDR') throw new Unreadable('it does not begin with its size');
    if (type === 'IHDR' && length === 13)
      size = { width: data.getUint32(at + 8), height: data.getUint32(at + 12) };
    if (type === 'IDAT') hasPixels = true;
    at += 12 + length;
    if (type === 'IEND') {
      if (!size || !hasPixels) throw new Unreadable('it has no picture in it');
      return { ...size, end: at };
    }
  }
  throw new Unreadable('the picture is cut off');
}

function measureWebp(bytes: Uint8Array): Extent {
  const data = view(bytes);
  if (bytes.length < 30) throw new Unreadable('the picture is cut off');
  const end = 8 + data.getUint32(4, true);
  if (end > bytes.length) throw new Unreadable('the picture is cut off');
  const three = (at: number) => data.getUint16(at, true) + ((bytes[at + 2] ?? 0) << 16);
  switch (ascii(bytes, 12, 4)) {
    case 'VP8 ':
      return {
        end,
        width: data.getUint16(26, true) & 0x3fff,
        height: data.getUint16(28, true) & 0x3fff,
      };
    case 'VP8L': {
      const bits = data.getUint32(21, true);
      return { end, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { end, width: three(24) + 1, height: three(27) + 1 };
    default:
      throw new Unreadable('it has no picture in it');
  }
}

/** The boxes of an ISO base media file between two places. */
export function* boxesOf(
  bytes: Uint8Array,
  from: number,
  to: number,
): Generator<{ type: string; from: number; to: number }> {
  const data = view(bytes);
  let at = from;
  while (at + 8 <= to) {
    let length = data.getUint32(at);
    let header = 8;
    if (length === 1 && at + 16 <= to) {
      length = Number(data.getBigUint64(at + 8));
      header = 16;
    } else if (length === 0) length = to - at;
    if (length < header || at + length > to) throw new Unreadable('the picture is cut off');
    yield { type: ascii(bytes, at + 4, 4), from: at + header, to: at + length };
    at += length;
  }
  if (at !== to) throw new Unreadable('there is something after its last box');
}

/** The size is that of the largest item: the whole picture, of which tiles and previews are parts. */
function measureHeic(bytes: Uint8Array): Extent {
  const data = view(bytes);
  const size = { width: 0, height: 0 };
  let hasPixels = false;
  const within = (from: number, to: number, path: readonly string[]): void => {
    const [wanted, ...deeper] = path;
    for (const box of boxesOf(bytes, from, to)) {
      if (box.type !== wanted) continue;
      if (wanted !== 'ispe') within(box.from, box.to, deeper);
      else if (box.to - box.from >= 12) {
        size.width = Math.max(size.width, data.getUint32(box.from + 4));
        size.height = Math.max(size.height, data.getUint32(box.from + 8));
      }
    }
  };
  for (const box of boxesOf(bytes, 0, bytes.length)) {
    if (box.type === 'mdat') hasPixels = true;
    // it begins with a version and flags
    if (box.type === 'meta') within(box.from + 4, box.to, ['iprp', 'ipco', 'ispe']);
  }
  if (!hasPixels) throw new Unreadable('it has no picture in it');
  return { ...size, end: bytes.length };
}

const measures: Record<PictureType, (bytes: Uint8Array) => Extent> = {
  'image/jpeg': measureJpeg,
  'image/png': measurePng,
  'image/webp': measureWebp,
  'image/heic': measureHeic,
};

function isPictureType(type: string | null): type is PictureType {
  return type !== null && type in measures;
}

/** Programs that read archives look for this near the end of a file. */
export function endsAsArchive(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 22; at >= Math.max(0, bytes.length - 66_000); at -= 1) {
    if (bytes[at] === 0x50 && startsWith(bytes, at, [0x50, 0x4b, 0x05, 0x06])) return true;
  }
  return false;
}

/**
 * Whether what follows the end of a JPEG is what cameras put there: padding, more pictures of the same shot (previews,
 * gain maps), the film of a moving photo, or the notes of Samsung's phones.
 */
function isFromCamera(bytes: Uint8Array, end: number): boolean {
  const isFilm = (at: number) => startsWith(bytes, at + 4, [0x66, 0x74, 0x79, 0x70]);
  const isPadding = (at: number) => (bytes[at] === 0 || bytes[at] === 0xff) && bytes[at + 1] !== 0xd8;
  let at = end;
  for (;;) {
    while (at < bytes.length && isPadding(at) && !isFilm(at)) at += 1;
    if (at >= bytes.length) return true;
    if (!startsWith(bytes, at, [0xff, 0xd8, 0xff])) break;
    try {
      at = measureJpeg(bytes, at).end;
    } catch (error) {
      if (error instanceof Unreadable) return false;
      throw error;
    }
  }
  return isFilm(at) || ascii(bytes, bytes.length - 4, 4) === 'SEFT';
}

/** Reads what a file is, how large the picture in it is, and whether it is whole and nothing else besides. */
export function inspect(bytes: Uint8Array): Inspection {
  const mimeType = sniff(bytes);
  const refuse = (code: 'media_unreadable' | 'media_extra_data', problem: string): Inspection => ({
    whole: false,
    mimeType,
    code,
    problem,
  });
  if (!isPictureType(mimeType)) return refuse('media_unreadable', 'it is no picture that we know');
  try {
    const { end, width, height } = measures[mimeType](bytes);
    if (width < 1 || height < 1) return refuse('media_unreadable', 'it has no size');
    const rest = mimeType === 'image/jpeg' ? !isFromCamera(bytes, end) : end + (end % 2) < bytes.length;
    if (rest || endsAsArchive(bytes)) return refuse('media_extra_data', 'something follows the picture');
    return { whole: true, mimeType, width, height };
  } catch (error) {
    if (error instanceof Unreadable) return refuse('media_unreadable', error.message);
    throw error;
  }
}
