import { describe, expect, it } from 'vitest';
import { photo } from '../../../local/tour/photo.ts';
import { archive, docx, docxType, film, pdf } from '../../../tests/media/files-to-upload.ts';
import { removeNotes } from '../../../worker/films.ts';
import { inspectFile } from './inspect-file.ts';

const text = (content: string) => new TextEncoder().encode(content);
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const office = 'application/vnd.openxmlformats-officedocument';
const types = { '[Content_Types].xml': '<Types/>' };

describe('inspectFile', () => {
  it.each([
    ['a film', film(), { mimeType: 'video/mp4', width: 640, height: 360 }],
    [
      'a film of a phone held upright',
      film({ turned: true }),
      { mimeType: 'video/mp4', width: 360, height: 640 },
    ],
    ['a QuickTime film', film({ brand: 'qt  ' }), { mimeType: 'video/quicktime', width: 640, height: 360 }],
    ['a PDF', pdf(), { mimeType: 'application/pdf', width: null, height: null }],
    ['a Word document', docx(), { mimeType: docxType, width: null, height: null }],
    [
      'an Excel sheet',
      archive({ ...types, 'xl/workbook.xml': '' }),
      { mimeType: `${office}.spreadsheetml.sheet` },
    ],
    [
      'slides',
      archive({ ...types, 'ppt/slides.xml': '' }),
      { mimeType: `${office}.presentationml.presentation` },
    ],
  ])('takes %s and reads what it is', (_name, bytes, expected) => {
    expect(inspectFile(bytes)).toMatchObject({ whole: true, ...expected });
  });

  it.each([
    ['a film that is cut off', film().subarray(0, -5), 'media_unreadable'],
    ['a film without frames', film().subarray(0, film().length - 2008), 'media_unreadable'],
    ['sound without a film', film({ handler: 'soun' }), 'media_unreadable'],
    ['a film with a page behind it', join(film(), text('<html>')), 'media_unreadable'],
    ['a film with an archive behind it', join(film(), archive({ x: '' })), 'media_unreadable'],
    ['a PDF that is cut off', pdf().subarray(0, -8), 'media_unreadable'],
    ['a PDF with a program behind it', join(pdf(), text('MZ')), 'media_unreadable'],
    ['a document with macros', docx({ 'word/vbaProject.bin': 'x' }), 'media_extra_data'],
    ['a document with a program in it', docx({ 'word/embeddings/setup.exe': 'MZ' }), 'media_extra_data'],
    ['a document with something behind it', join(docx(), text('x')), 'media_unreadable'],
    ['a document that is cut off', docx().subarray(0, -10), 'media_unreadable'],
    ['an archive that is no document', archive({ 'setup.exe': 'MZ' }), 'media_unreadable'],
    ['a picture', photo('x'), 'media_unreadable'],
    ['an SVG', text('<svg xmlns="x"><script>alert(1)</script></svg>'), 'media_unreadable'],
    ['a page', text('<!doctype html><script>alert(1)</script>'), 'media_unreadable'],
    ['a program', text('MZ\x90\0'), 'media_unreadable'],
    ['nothing', new Uint8Array(), 'media_unreadable'],
  ])('refuses %s by its structure', (_name, bytes, code) => {
    expect(inspectFile(bytes)).toMatchObject({ whole: false, code });
  });

  it('never throws, whatever byte of a film or a document is changed or missing', () => {
    for (const bytes of [film(), pdf(), docx()]) {
      for (let at = 0; at < Math.min(bytes.length, 800); at += 1) {
        for (const value of [0, 0x7f, 0xff]) {
          const changed = Uint8Array.from(bytes);
          changed[at] = value;
          expect(typeof inspectFile(changed).whole).toBe('boolean');
          expect(() => removeNotes(changed)).not.toThrow();
        }
        expect(inspectFile(bytes.subarray(0, at)).whole).toBe(false);
      }
    }
  });

  it('reads fifty megabytes well within the time of an edge function', () => {
    const long = join(
      film(),
      Uint8Array.from([3, 0x20, 0, 0]),
      text('free'),
      new Uint8Array(0x0320_0000 - 8),
    );
    const startedAt = performance.now();
    expect(inspectFile(long)).toMatchObject({ whole: true });
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

describe('removeNotes', () => {
  it('takes place and device out of a film and leaves its frames where they are', () => {
    const before = film();
    const after = Uint8Array.from(before);
    expect(removeNotes(after)).toBe(2);
    expect(Buffer.from(before).includes('+21.0285')).toBe(true);
    expect(Buffer.from(after).includes('+21.0285')).toBe(false);
    expect(after.length).toBe(before.length);
    expect(after.subarray(-2000)).toEqual(before.subarray(-2000));
    expect(inspectFile(after)).toEqual(inspectFile(before));
  });
});
