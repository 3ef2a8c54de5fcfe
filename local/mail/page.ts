import type { Mail } from './store.ts';

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text escaped for HTML, also inside a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);
}

const style = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c1c }
  table { width: 100%; border-collapse: collapse } td, th { text-align: left; padding: .4rem; border-bottom: 1px solid #ddd }
  iframe { width: 100%; height: 32rem; border: 1px solid #ddd } pre { white-space: pre-wrap; background: #f6f6f6; padding: 1rem }
  .dim { color: #666 }
`;

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${style}</style></head><body>${body}</body></html>`;
}

/** The list of caught mails, newest first. */
export function listPage(mails: Mail[]): string {
  const rows = mails.map(
    (mail) =>
      `<tr><td class="dim">${escapeHtml(mail.created_at.replace('T', ' ').slice(0, 19))}</td><td>${escapeHtml(mail.to.join(', '))}</td><td><a href="/messages/${encodeURIComponent(mail.id)}">${escapeHtml(mail.subject || '(no subject)')}</a></td></tr>`,
  );
  const table = `<table><thead><tr><th>Time (UTC)</th><th>To</th><th>Subject</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return page(
    'Mail',
    `<h1>Mail</h1>${mails.length > 0 ? table : '<p class="dim">Nothing was sent yet.</p>'}`,
  );
}

/** One mail. Its HTML is shown in a frame without scripts, forms or the page's own origin. */
export function mailPage(mail: Mail): string {
  const html = mail.html
    ? `<iframe sandbox="" referrerpolicy="no-referrer" srcdoc="${escapeHtml(mail.html)}"></iframe>`
    : '';
  const text = mail.text ? `<h2>Text</h2><pre>${escapeHtml(mail.text)}</pre>` : '';
  const head = `<p class="dim">From ${escapeHtml(mail.from)}<br>To ${escapeHtml(mail.to.join(', '))}<br>${escapeHtml(mail.created_at)}</p>`;
  return page(
    mail.subject,
    `<p><a href="/">← all mail</a></p><h1>${escapeHtml(mail.subject)}</h1>${head}${html}${text}`,
  );
}
