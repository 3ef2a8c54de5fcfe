import { toString as renderQr } from 'qrcode';
import type { TicketToPrint } from '../contracts/tickets.ts';
import { html } from '../receipts/html.ts';

const style = `
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.5rem; margin: 1rem 0; }
dt { color: #444; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1rem 0; text-align: center; }
svg { width: min(22rem, 100%); height: auto; shape-rendering: crispEdges; }
figcaption { font-family: ui-monospace, monospace; }
.notice { border: 2px solid #111; padding: .5rem 1rem; font-weight: 600; }
footer { color: #444; font-size: .875rem; }
@page { margin: 15mm; }
@media print { body { margin: 0; padding: 0; max-width: none; } figure, dl { break-inside: avoid; } }
`;

const words = {
  vi: {
    ticket: 'Vé',
    when: 'Thời gian',
    where: 'Địa điểm',
    kind: 'Loại vé',
    seat: 'Chỗ ngồi',
    holder: 'Người giữ vé',
    order: 'Mã đơn',
    organizer: 'Ban tổ chức',
    postponed: 'Sự kiện đã hoãn. Vé vẫn có giá trị cho thời gian mới.',
    keep: 'Không chia sẻ mã này: người vào trước tiên dùng mất vé.',
  },
  en: {
    ticket: 'Ticket',
    when: 'When',
    where: 'Where',
    kind: 'Ticket type',
    seat: 'Seat',
    holder: 'Holder',
    order: 'Order',
    organizer: 'Organizer',
    postponed: 'The event was postponed. The ticket is good for the new time.',
    keep: 'Do not share this code: anybody who enters with it first uses the ticket.',
  },
} as const;

/** A ticket as a page to show or print: one page, one ticket, one code. It runs and loads nothing. */
export async function ticketPage(ticket: TicketToPrint, code: string): Promise<string> {
  const { event, locale, seat } = ticket;
  const text = words[locale];
  const moment = new Intl.DateTimeFormat(locale === 'vi' ? 'vi-VN' : 'en-GB', {
    dateStyle: 'full',
    timeStyle: 'short',
    timeZone: event.time_zone,
  });
  const zone = zoneName(event.starts_at, event.time_zone, locale);
  const pairs = [
    [text.when, `${moment.format(new Date(event.starts_at))} (${zone})`],
    [text.where, [event.venue, event.address].filter(Boolean).join(', ')],
    [text.kind, ticket.class_name],
    [text.seat, seat ? `${seat.section} · ${seat.row} · ${seat.number}` : ''],
    [text.holder, ticket.holder_name ?? ''],
    [text.order, ticket.order_code],
    [text.organizer, event.organizer],
  ].filter(([, value]) => value);
  const qr = await renderQr(code, { type: 'svg', errorCorrectionLevel: 'L', margin: 4 });
  const page = html`<!doctype html>
<html lang="${locale}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text.ticket} ${ticket.number}</title><style>${{ html: style }}</style></head>
<body><main><h1>${event.title}</h1>
${event.status === 'postponed' ? html`<p class="notice">${text.postponed}</p>` : null}
<figure>${{ html: qr }}<figcaption>${ticket.number}</figcaption></figure>
<dl>${pairs.map(([name, value]) => html`<dt>${name ?? ''}</dt><dd>${value ?? ''}</dd>`)}</dl>
</main><footer>${text.keep}</footer></body></html>
`;
  return page.html;
}

function zoneName(instant: string, timeZone: string, locale: string): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'longGeneric' });
  return (
    parts.formatToParts(new Date(instant)).find(({ type }) => type === 'timeZoneName')?.value ?? timeZone
  );
}
