import { html, page, when } from '../html.ts';
import type { Mail } from './store.ts';

// often enough to see a mail come, and rare enough to read the list
const refreshSeconds = 5;

/** The list of caught mails, newest first. It loads itself anew. */
export function listPage(mails: Mail[]): string {
  const items = mails.map(
    (mail) =>
      html`<li><a href="/messages/${encodeURIComponent(mail.id)}">${mail.subject || '(no subject)'}</a><br><span class="dim">${when(mail.created_at)} to ${mail.to.join(', ')}</span></li>`,
  );
  const list =
    mails.length > 0 ? html`<ul class="cards">${items}</ul>` : html`<p class="dim">Nothing was sent yet.</p>`;
  return page('Mail', html`<h1>Mail</h1>${list}<p><a href="/push">Pushes</a></p>`, refreshSeconds);
}

/** One mail. Its HTML is shown in a frame without scripts, forms or the page's own origin. */
export function mailPage(mail: Mail): string {
  const frame = mail.html
    ? html`<iframe sandbox="" referrerpolicy="no-referrer" srcdoc="${mail.html}"></iframe>`
    : html``;
  const text = mail.text ? html`<h2>Text</h2><pre>${mail.text}</pre>` : html``;
  return page(
    mail.subject,
    html`<p><a href="/">← all mail</a></p><h1>${mail.subject}</h1>
<p class="dim">From ${mail.from}<br>To ${mail.to.join(', ')}<br>${when(mail.created_at)}</p>${frame}${text}`,
  );
}
