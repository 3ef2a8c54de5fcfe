import {
  ascii,
  boxesOf,
  endsAsArchive,
  type Inspection,
  sniff,
  startsWith,
  Unreadable,
  view,
} from './inspect.ts';

/** What is served as it was uploaded: films and documents. Only their structure is read. */
type Film = 'video/mp4' | 'video/quicktime';

const office = 'application/vnd.openxmlformats-officedocument';
/** The folder that makes an archive a document, and its type. */
const documents: Record<string, string> = {
  'word/': `${office}.wordprocessingml.document`,
  'xl/': `${office}.spreadsheetml.sheet`,
  'ppt/': `${office}.presentationml.presentation`,
};
/** Parts of a document that hold programs. */
const programs = /(^|\/)(vbaProject\.bin|activeX\/|macrosheets\/|.*\.(exe|dll|js|vbs|bat|cmd|ps1|scr))/i;

const is = (type: string | null, ...types: string[]): boolean => type !== null && types.includes(type);

/** The size of the first film track, as it is to be seen: a phone that was held upright writes it lying on its side. */
function measureFilm(bytes: Uint8Array): { width: number; height: number } {
  const data = view(bytes);
  let hasFrames = false;
  let size: { width: number; height: number } | null = null;
  const children = (box: { from: number; to: number }) => [...boxesOf(bytes, box.from, box.to)];
  const find = (box: { from: number; to: number }, type: string) =>
    children(box).find((child) => child.type === type);
  for (const box of boxesOf(bytes, 0, bytes.length)) {
    if (box.type === 'mdat') hasFrames = true;
    if (box.type !== 'moov') continue;
    for (const track of children(box).filter(({ type }) => type === 'trak')) {
      const header = find(track, 'tkhd');
      const media = find(track, 'mdia');
      const handler = media && find(media, 'hdlr');
      if (size || !header || !handler || ascii(bytes, handler.from + 8, 4) !== 'vide') continue;
      // version 1 writes three of its numbers in eight bytes
      const matrix = header.from + (bytes[header.from] === 1 ? 52 : 40);
      if (matrix + 44 > header.to) throw new Unreadable('the header of its track is cut off');
      const width = data.getUint32(matrix + 36) >>> 16;
      const height = data.getUint32(matrix + 40) >>> 16;
      const turned = data.getInt32(matrix) === 0 && data.getInt32(matrix + 4) !== 0;
      size = turned ? { width: height, height: width } : { width, height };
    }
  }
  if (!size || size.width < 1 || size.height < 1) throw new Unreadable('it has no film in it');
  if (!hasFrames) throw new Unreadable('the film is cut off');
  return size;
}

/** The names of the files in an archive, from its directory at the end, which must be its end. */
function namesInArchive(bytes: Uint8Array): string[] {
  const data = view(bytes);
  let end = bytes.length - 22;
  while (end >= 0 && data.getUint32(end, true) !== 0x06054b50) {
    end -= 1;
    if (end < bytes.length - 66_000) break;
  }
  if (end < 0 || data.getUint32(end, true) !== 0x06054b50) throw new Unreadable('the document is cut off');
  if (end + 22 + data.getUint16(end + 20, true) !== bytes.length)
    throw new Unreadable('something follows the document');
  const count = data.getUint16(end + 10, true);
  let at = data.getUint32(end + 16, true);
  const names: string[] = [];
  for (let i = 0; i < count; i += 1) {
    if (at + 46 > end || data.getUint32(at, true) !== 0x02014b50)
      throw new Unreadable('its list of parts is damaged');
    const [name, extra, comment] = [28, 30, 32].map((offset) => data.getUint16(at + offset, true)) as [
      number,
      number,
      number,
    ];
    names.push(ascii(bytes, at + 46, name));
    at += 46 + name + extra + comment;
  }
  return names;
}

/** What kind of document an archive is; null when it is none that we know. */
function documentType(names: readonly string[]): string | null {
  if (!names.includes('[Content_Types].xml')) return null;
  const folder = Object.keys(documents).find((start) => names.some((name) => name.startsWith(start)));
  return folder ? (documents[folder] ?? null) : null;
}

const marker = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

/** A PDF ends with its marker, and blanks at most: some programs read what follows. */
function endsAsPdf(bytes: Uint8Array): boolean {
  let at = bytes.length - 1;
  while (at > 0 && [0, 9, 10, 12, 13, 32].includes(bytes[at] ?? 0)) at -= 1;
  return startsWith(bytes, at - 4, marker('%%EOF'));
}

/** Reads what a film or a document is, and whether it is whole and nothing else besides. */
export function inspectFile(bytes: Uint8Array): Inspection {
  let mimeType = sniff(bytes);
  const refuse = (code: 'media_unreadable' | 'media_extra_data', problem: string): Inspection => ({
    whole: false,
    mimeType,
    code,
    problem,
  });
  try {
    if (is(mimeType, 'video/mp4', 'video/quicktime')) {
      const size = measureFilm(bytes);
      if (endsAsArchive(bytes)) return refuse('media_extra_data', 'an archive follows the film');
      return { whole: true, mimeType: mimeType as Film, ...size };
    }
    if (mimeType === 'application/pdf') {
      if (!endsAsPdf(bytes)) return refuse('media_unreadable', 'the document is cut off');
      if (endsAsArchive(bytes)) return refuse('media_extra_data', 'an archive is in the document');
      return { whole: true, mimeType, width: null, height: null };
    }
    if (mimeType === 'application/zip') {
      const names = namesInArchive(bytes);
      mimeType = documentType(names) ?? mimeType;
      if (mimeType === 'application/zip') return refuse('media_unreadable', 'it is no document that we know');
      if (names.some((name) => programs.test(name)))
        return refuse('media_extra_data', 'the document holds programs');
      return { whole: true, mimeType, width: null, height: null };
    }
    return refuse('media_unreadable', 'it is no film or document that we know');
  } catch (error) {
    if (error instanceof Unreadable || error instanceof RangeError)
      return refuse('media_unreadable', error.message);
    throw error;
  }
}
