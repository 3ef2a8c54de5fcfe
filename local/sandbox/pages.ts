import { type Html, html, page, when } from '../html.ts';
import type { SentNotification } from './delivery.ts';

/** The pages of one provider: each names it, and leads back to its list and to the other providers. */
export function pagesOf(name: string, title: string): (body: Html, isList?: 'list') => string {
  const all = html`<a href="/">All providers</a>`;
  const list = html` · <a href="/${name}">Everything at ${title}</a>`;
  return (body, isList) =>
    page(
      `${title} sandbox`,
      html`<nav>${all}${isList ? html`` : list}</nav><p class="test">${title} sandbox: no money moves</p>${body}`,
    );
}

/** The calls to the webhook, with our answers. */
export function calls(sent: readonly SentNotification[]): Html {
  const items = sent.map(
    (call) =>
      html`<li>${when(call.at)} → <code>${call.answer}</code><details><summary>what was sent</summary><code>${call.sent}</code></details></li>`,
  );
  return html`<ol>${items}</ol>`;
}

/** A list as a table that scrolls on narrow screens. */
export function table(columns: readonly string[], rows: readonly Html[], none: string): Html {
  const heads = columns.map((column) => html`<th>${column}</th>`);
  const empty = html`<tr><td colspan="${columns.length}">${none}</td></tr>`;
  return html`<div class="wide"><table><thead><tr>${heads}</tr></thead><tbody>${rows.length > 0 ? [...rows] : empty}</tbody></table></div>`;
}
