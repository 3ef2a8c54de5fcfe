import type { Locale } from '../formats.ts';

const words: Record<Locale, string> = {
  vi: 'Hủy nhận email loại này',
  en: 'Unsubscribe from mails of this kind',
};

/** The headers of RFC 8058, with which a mail program unsubscribes by one POST, and the link for the reader. */
export function unsubscribing(
  functionsUrl: string,
  token: string,
  locale: Locale,
): { headers: Record<string, string>; text: string; html: string } {
  const url = `${functionsUrl}/unsubscribe/${encodeURIComponent(token)}`;
  return {
    headers: { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
    text: `\n\n${words[locale]}: ${url}`,
    html: `<p><small><a href="${url}">${words[locale]}</a></small></p>`,
  };
}
