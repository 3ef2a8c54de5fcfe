/** What is sent, and how many messages the operators count it as. */
export interface SmsText {
  text: string;
  /** Whether it has characters that the alphabet of GSM lacks. Such messages are shorter. */
  unicode: boolean;
  segments: number;
}

// GSM 03.38: the default alphabet, and what takes two places in it
const basic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const extended = new Set('^{}\\[~]|€\f');

const lengths = {
  gsm: { single: 160, part: 153 },
  unicode: { single: 70, part: 67 },
};
const maxSegments = 3;

const typographic: Record<string, string> = {
  '“': '"',
  '”': '"',
  '‘': "'",
  '’': "'",
  '–': '-',
  '—': '-',
  '…': '...',
  đ: 'd',
  Đ: 'D',
};

/**
 * Text without diacritics, as the texts of a brand name are registered, and without symbols that would double its price. What
 * looks like a link is broken: our own texts have none, so it was typed by somebody, and phones make links of it.
 */
function plain(text: string): string {
  return (
    text
      .normalize('NFC')
      .replaceAll(/[“”‘’–—…đĐ]/g, (char) => typographic[char] ?? char)
      .normalize('NFD')
      .replaceAll(/\p{M}/gu, '')
      .replaceAll(/[^\S\n]/gu, ' ')
      // the sign of the đồng would go with the symbols
      .replaceAll(/ ?₫(?=[0-9])/g, ' VND ')
      .replaceAll(/ ?₫/g, ' VND')
      .replaceAll(/[\p{C}\p{S}]/gu, (char) => (basic.has(char) || extended.has(char) ? char : ''))
      .replaceAll('://', ': //')
      .replaceAll(/([\p{L}\p{N}])\.(?=\p{L}{2})/gu, '$1. ')
      .replaceAll(/ {2,}/g, ' ')
      .trim()
  );
}

const places = (char: string): number => (extended.has(char) ? 2 : 1);

/** A text as it is sent by SMS, at most three messages long. */
export function smsText(given: string): SmsText {
  const text = plain(given);
  const unicode = [...text].some((char) => !basic.has(char) && !extended.has(char));
  const { single, part } = unicode ? lengths.unicode : lengths.gsm;
  const sizeOf = (char: string): number => (unicode ? char.length : places(char));
  const total = [...text].reduce((sum, char) => sum + sizeOf(char), 0);
  if (total <= single) return { text, unicode, segments: 1 };
  if (total <= part * maxSegments) return { text, unicode, segments: Math.ceil(total / part) };
  let kept = '';
  let size = 3;
  for (const char of text) {
    size += sizeOf(char);
    if (size > part * maxSegments) break;
    kept += char;
  }
  return { text: `${kept.trimEnd()}...`, unicode, segments: maxSegments };
}
