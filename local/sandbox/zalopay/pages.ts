import { type Html, html, money, when } from '../../html.ts';
import { calls, pagesOf, table } from '../pages.ts';
import type { ZalopayContext } from './context.ts';
import { orderUrl } from './orders.ts';
import { refundState } from './refunds.ts';
import type { Order } from './store.ts';

const show = pagesOf('zalopay', 'ZaloPay');

/** The page a payer sees. */
export function payPage(order: Order): string {
  return show(html`<h1>Pay ${money(order.amount)}</h1>
<dl><dt>Order</dt><dd>${order.appTransId}</dd><dt>For</dt><dd>${order.description}</dd>
<dt>Payable until</dt><dd>${when(order.expiresAt)}</dd></dl>
<form method="post" action="/zalopay/pay">
<input type="hidden" name="token" value="${order.token}">
<button name="outcome" value="success">Pay</button>
<button name="outcome" value="cancel">Go back without paying</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="expire">Let it run out</button>
<button name="outcome" value="pending">Pay, and let the bank take its time</button>
</form>`);
}

/** An order that can no longer be paid here. */
export function donePage(order: Order, returnTo: string): string {
  const link = returnTo === '' ? html`` : html`<p><a href="${returnTo}">Back to the merchant</a></p>`;
  const over = order.state === 'open' || order.state === 'left' ? 'expired' : order.state;
  return show(html`<h1>This order has ended: ${over}</h1>${link}`);
}

/** An address that belongs to no order. */
export function unknownPage(): string {
  return show(html`<h1>There is no such order</h1>`);
}

function row(order: Order, context: ZalopayContext): Html {
  const { appTransId, amount, state, token, notifications } = order;
  const name =
    state === 'paid' ? html`${appTransId}` : html`<a href="${orderUrl(token, context)}">${appTransId}</a>`;
  const refunds = order.refunds.map(
    (refund) => html`<li>${refund.id}: ${money(refund.amount)}, ${refundState(refund, context)}</li>`,
  );
  return html`<tr><td class="whole">${name}</td><td class="whole">${money(amount)}</td><td>${state}</td>
<td>${calls(notifications)}</td><td><ul>${refunds}</ul></td></tr>`;
}

/** Every order, with its notifications and our answers. */
export function listPage(context: ZalopayContext): string {
  const rows = [...context.store.orders.values()].reverse().map((order) => row(order, context));
  const columns = ['Order', 'Amount', 'State', 'Notifications', 'Refunds'];
  return show(html`<h1>ZaloPay</h1>${table(columns, rows, 'Nothing has been ordered here yet.')}`, 'list');
}
