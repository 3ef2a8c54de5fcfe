import { html, page, when } from '../html.ts';
import type { CaughtPush } from './store.ts';

const refreshSeconds = 5;

/** The pushes that reached a device, newest first. It loads itself anew. */
export function pushesPage(pushes: CaughtPush[]): string {
  const items = pushes.map(({ payload, created_at, service, to, ttl, urgency, topic }) => {
    const { title, body, ...rest } = payload;
    const about = `${service === 'web' ? 'Web push' : 'Expo'}, urgency ${urgency}, kept ${ttl} s${topic === null ? '' : `, replaces ${topic}`}`;
    return html`<li><strong>${String(title ?? '')}</strong><br>${String(body ?? '')}<br><span class="dim">${when(created_at)} to ${to}<br>${about}</span><pre>${JSON.stringify(rest, null, 2)}</pre></li>`;
  });
  const list =
    pushes.length > 0
      ? html`<ul class="cards">${items}</ul>`
      : html`<p class="dim">No device got a push yet.</p>`;
  return page('Pushes', html`<p><a href="/">← all mail</a></p><h1>Pushes</h1>${list}`, refreshSeconds);
}
