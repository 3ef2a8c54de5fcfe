import { type Html, html, page } from '../html.ts';
import type { ZalopayContext } from './context.ts';
import { refundState } from './refunds.ts';
import type { Order } from './store.ts';

const money = (amount: number): string => `${amount.toLocaleString('en-US')} VND`;
const banner = html`<p class="test">Sandbox: no money moves</p>`;

/** The page a payer sees. */
export function payPage(order: Order): string {
  return page(
    'ZaloPay sandbox',
    html`${banner}<h1>Pay ${money(order.amount)}</h1>
<dl><dt>Order</dt><dd>${order.appTransId}</dd><dt>For</dt><dd>${order.description}</dd>
<dt>Payable until</dt><dd>${new Date(order.expiresAt).toISOString()}</dd></dl>
<form method="post" action="/zalopay/pay">
<input type="hidden" name="token" value="${order.token}">
<button name="outcome" value="success">Pay</button>
<button name="outcome" value="cancel">Go back without paying</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="expire">Let it run out</button>
<button name="outcome" value="pending">Pay, and let the bank take its time</button>
</form>`,
  );
}

/** An order that can no longer be paid here. */
export function donePage(order: Order, returnTo: string): string {
  const link = returnTo === '' ? html`` : html`<p><a href="${returnTo}">Back to the merchant</a></p>`;
  const over = order.state === 'open' || order.state === 'left' ? 'expired' : order.state;
  return page('ZaloPay sandbox', html`${banner}<h1>This order has ended: ${over}</h1>${link}`);
}

/** An address that belongs to no order. */
export function unknownPage(): string {
  return page('ZaloPay sandbox', html`${banner}<h1>There is no such order</h1>`);
}

function row(order: Order, context: ZalopayContext): Html {
  const sent = order.notifications.map(
    (call) =>
      html`<li>${call.at} → <code>${call.answer}</code><details><summary>what was sent</summary><code>${call.sent}</code></details></li>`,
  );
  const refunds = order.refunds.map(
    (refund) => html`<li>${refund.id}: ${money(refund.amount)}, ${refundState(refund, context)}</li>`,
  );
  return html`<tr><td>${order.appTransId}</td><td>${money(order.amount)}</td>
<td>${order.state}</td><td><ol>${sent}</ol></td><td><ul>${refunds}</ul></td></tr>`;
}

/** Every order, with its notifications and our answers. */
export function listPage(context: ZalopayContext): string {
  const rows = [...context.store.orders.values()].reverse().map((order) => row(order, context));
  const none = html`<tr><td colspan="5">Nothing has been ordered here yet.</td></tr>`;
  return page(
    'ZaloPay sandbox',
    html`${banner}<h1>ZaloPay</h1><table><thead><tr><th>Order</th><th>Amount</th><th>State</th><th>Notifications</th><th>Refunds</th></tr></thead>
<tbody>${rows.length > 0 ? rows : none}</tbody></table>`,
  );
}
