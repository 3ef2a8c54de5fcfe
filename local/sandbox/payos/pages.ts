import { type Html, html, money, when } from '../../html.ts';
import { calls, pagesOf, table } from '../pages.ts';
import type { PayosContext } from './context.ts';
import { paidOf, qrOf, statusOf } from './links.ts';
import { stateOf } from './payouts.ts';
import type { Link } from './store.ts';

const show = pagesOf('payos', 'PayOS');

function choice(outcome: string, label: string, amount?: number): Html {
  const value = amount === undefined ? outcome : `${outcome}:${amount}`;
  return html`<button name="choice" value="${value}">${label}</button>`;
}

/** The page that a payer sees, with what may happen to the transfer. */
export function payPage(link: Link): string {
  const status = statusOf(link);
  const missing = link.amount - paidOf(link);
  const choices =
    status === 'PENDING' || status === 'UNDERPAID'
      ? [
          html`<button name="outcome" value="success">Pay ${money(missing)}</button>`,
          choice('success', 'Pay half', Math.max(1, Math.floor(missing / 2))),
          choice('success', 'Pay too much', missing + 50_000),
          choice('pending', 'Pay, and the bank takes its time'),
          choice('insufficient_funds', 'Not enough money'),
          choice('cancel', 'Cancel'),
          choice('expire', 'Let it run out'),
        ]
      : [choice('success', 'Transfer all the same', missing > 0 ? missing : link.amount)];
  return show(html`<h1>${missing > 0 ? `Pay ${money(missing)}` : 'Paid'}</h1>
<dl><dt>Order</dt><dd>${link.orderCode}</dd><dt>State</dt><dd>${status}</dd>
<dt>To account</dt><dd>${link.accountNumber}</dd><dt>Message</dt><dd>${link.description}</dd>
<dt>Payable until</dt><dd>${when(link.expiredAt * 1000)}</dd>
<dt>QR code says</dt><dd><code>${qrOf(link)}</code></dd></dl>
<form method="post" action="/payos/pay"><input type="hidden" name="id" value="${link.id}">${choices}</form>`);
}

function row(link: Link): Html {
  const incoming = link.incoming.map(
    ({ reference, amount }) => html`<li>${reference}: ${money(amount)}</li>`,
  );
  return html`<tr><td class="whole"><a href="/payos/web/${link.id}">${link.orderCode}</a></td><td class="whole">${money(link.amount)}</td>
<td>${statusOf(link)}<ul>${incoming}</ul></td><td>${calls(link.notifications)}</td></tr>`;
}

/** Every link with its transfers and notifications, and every payout. */
export function listPage(context: PayosContext): string {
  const rows = [...context.store.links.values()].reverse().map(row);
  const payouts = context.store.payouts.map(
    (payout) =>
      html`<li>${payout.referenceId}: ${money(payout.amount)} to ${payout.toBin} ${payout.toAccountNumber}, ${stateOf(payout, context)}</li>`,
  );
  const columns = ['Order', 'Amount', 'State', 'Notifications'];
  return show(
    html`<h1>PayOS</h1>${table(columns, rows, 'Nothing has been paid here yet.')}
<h2>Payouts</h2><p>Balance: ${money(context.store.balance)}</p><ul>${payouts}</ul>`,
    'list',
  );
}

/** An address that belongs to no order. */
export function unknownPage(): string {
  return show(html`<h1>There is no such order</h1>`);
}
