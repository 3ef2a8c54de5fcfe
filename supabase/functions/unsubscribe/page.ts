import type { Subscription } from '../_shared/contracts/unsubscribe.ts';
import { html } from '../_shared/receipts/html.ts';

const words = {
  vi: {
    title: 'Email từ Journey',
    on: (what: string) => `Bạn đang nhận email loại này: ${what}.`,
    off: (what: string) => `Bạn không còn nhận email loại này: ${what}.`,
    leave: 'Hủy nhận',
    back: 'Nhận lại',
    always: 'Những email cần cho bảo mật tài khoản và tiền của bạn vẫn được gửi.',
    wrong: 'Liên kết này không đúng. Vui lòng mở lại từ email.',
  },
  en: {
    title: 'Mail from Journey',
    on: (what: string) => `You get mails of this kind: ${what}.`,
    off: (what: string) => `You no longer get mails of this kind: ${what}.`,
    leave: 'Unsubscribe',
    back: 'Subscribe again',
    always: 'Mails that the security of your account and your money need are still sent.',
    wrong: 'This link is not right. Please open it from the mail again.',
  },
} as const;
const style = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 3rem auto; padding: 0 1rem; }
button { font: inherit; padding: .5rem 1.25rem; }
small { opacity: .75; }
`;

/** The page of a link in a mail, in the reader's language; in both for a link that is not right. */
export function unsubscribePage(state: Subscription | null): string {
  const locale = state?.locale ?? 'en';
  const text = words[locale];
  const content =
    state === null
      ? html`<p>${words.en.wrong}</p><p lang="vi">${words.vi.wrong}</p>`
      : html`<p>${state.subscribed ? text.on(state.name) : text.off(state.name)}</p>
<form method="post"><button name="action" value="${state.subscribed ? 'unsubscribe' : 'subscribe'}">${state.subscribed ? text.leave : text.back}</button></form>
<p><small>${text.always}</small></p>`;
  return html`<!doctype html>
<html lang="${locale}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>${text.title}</title><style>${{ html: style }}</style></head>
<body><main><h1>${text.title}</h1>${content}</main></body></html>
`.html;
}
