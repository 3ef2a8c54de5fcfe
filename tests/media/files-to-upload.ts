import { crc32 } from 'node:zlib';

const text = (content: string): Buffer => Buffer.from(content, 'latin1');
const u32 = (...numbers: number[]): Buffer => {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number >>> 0, i * 4);
  return bytes;
};
const box = (type: string, ...parts: Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([u32(content.length + 8), text(type), content]);
};

/** Where a phone says that a film was taken. */
export const placeOfFilm = '+21.0285+105.8542/';

/**
 * The boxes of a film as a phone writes them, with one track of so many pixels, which lies on its side when `turned`. The
 * frames are noise: nothing here decodes them.
 */
export function film({
  width = 640,
  height = 360,
  turned = false,
  brand = 'isom',
  handler = 'vide',
} = {}): Uint8Array {
  const one = 0x10000;
  const matrix = turned
    ? [0, one, 0, -one, 0, 0, 0, 0, 0x40000000]
    : [one, 0, 0, 0, one, 0, 0, 0, 0x40000000];
  const place = box('\xa9xyz', Buffer.from([0, placeOfFilm.length, 0x15, 0xc7]), text(placeOfFilm));
  const track = box(
    'trak',
    box('tkhd', u32(0, 0, 0, 1, 0, 1000), u32(0, 0, 0, 0), u32(...matrix), u32(width * one, height * one)),
    box('mdia', box('hdlr', u32(0, 0), text(handler), u32(0, 0, 0), text('\0'))),
    box('meta', text('com.apple.quicktime.location.ISO6709'), text(placeOfFilm)),
  );
  const random = crypto.getRandomValues(new Uint8Array(2000));
  return new Uint8Array(
    Buffer.concat([
      box('ftyp', text(brand), u32(512), text(brand)),
      box('moov', box('mvhd', Buffer.alloc(100)), track, box('udta', place)),
      box('mdat', random),
    ]),
  );
}

/** A document of one empty page. */
export function pdf(): Uint8Array {
  return new Uint8Array(
    text(`%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>> endobj
% ${crypto.randomUUID()}
trailer <</Root 1 0 R>>
%%EOF`),
  );
}

/** An archive of files that are stored without compression. */
export function archive(files: Record<string, string>): Uint8Array {
  const little = (size: 2 | 4, ...numbers: number[]): Buffer => {
    const bytes = Buffer.alloc(numbers.length * size);
    for (const [i, number] of numbers.entries())
      size === 2 ? bytes.writeUInt16LE(number, i * 2) : bytes.writeUInt32LE(number >>> 0, i * 4);
    return bytes;
  };
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = text(content);
    const facts = [
      little(2, 20, 0, 0, 0, 0),
      little(4, crc32(data), data.length, data.length),
      little(2, name.length, 0),
    ];
    const body = Buffer.concat([text('PK\x03\x04'), ...facts, text(name), data]);
    directory.push(
      Buffer.concat([
        text('PK\x01\x02'),
        little(2, 20),
        ...facts,
        little(2, 0, 0, 0),
        little(4, 0, at),
        text(name),
      ]),
    );
    bodies.push(body);
    at += body.length;
  }
  const listed = Buffer.concat(directory);
  const count = directory.length;
  const end = [text('PK\x05\x06'), little(2, 0, 0, count, count), little(4, listed.length, at), little(2, 0)];
  return new Uint8Array(Buffer.concat([...bodies, listed, ...end]));
}

export const docxType = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

/** A Word document, with more files in it when a test needs them. */
export const docx = (more: Record<string, string> = {}): Uint8Array =>
  archive({
    '[Content_Types].xml': '<Types/>',
    'word/document.xml': `<document>${crypto.randomUUID()}</document>`,
    ...more,
  });
