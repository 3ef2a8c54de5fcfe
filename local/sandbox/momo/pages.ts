import { type Html, html, money, when } from '../../html.ts';
import type { SandboxError } from '../answers.ts';
import { calls, pagesOf, table } from '../pages.ts';
import type { MomoContext } from './context.ts';
import { pageQuery } from './create.ts';
import { codeOf, refundCode } from './query.ts';
import type { Order } from './store.ts';

const show = pagesOf('momo', 'MoMo');

/** The page a payer sees. */
export function payPage(order: Order, context: MomoContext): string {
  const waits = order.state === 'pending' ? [html`<p>In process at the bank: say how it ends.</p>`] : [];
  return show(html`<h1>Pay ${money(order.amount)}</h1>${waits}
<dl><dt>Order</dt><dd>${order.orderId}</dd><dt>For</dt><dd>${order.orderInfo}</dd>
<dt>Payable until</dt><dd>${when(order.createdAt + context.lifeMs)}</dd></dl>
<form method="post" action="/momo/pay">
<input type="hidden" name="orderId" value="${order.orderId}">
<button name="outcome" value="success">Pay</button>
<button name="outcome" value="authorized">Pay, authorised (9000)</button>
<button name="outcome" value="pending">Pay, in process at the bank</button>
<button name="outcome" value="cancel">Refuse</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="expire">Let it run out</button>
<button name="outcome" value="leave">Leave without a word</button>
</form>`);
}

/** An order that has ended. */
export function donePage(order: Order, code: number, returnTo: string): string {
  return show(
    html`<h1>This payment has ended: ${order.outcome ?? 'expire'} (${code})</h1><p><a href="${returnTo}">Back to the merchant</a></p>`,
  );
}

/** A page that does not exist. */
export function errorPage(error: SandboxError): string {
  return show(html`<h1>This payment cannot be made</h1><p>Code ${error.code}: ${error.message}.</p>`);
}

function row(order: Order, context: MomoContext): Html {
  const { orderId, amount, state, outcome, notifications } = order;
  const name =
    state === 'done'
      ? html`${orderId}`
      : html`<a href="/momo/v2/gateway/pay?${pageQuery(orderId, context)}">${orderId}</a>`;
  const refunds = order.refunds.map(
    (refund) => html`<li>${refund.orderId}: ${money(refund.amount)}, ${refundCode(refund, context)}</li>`,
  );
  return html`<tr><td class="whole">${name}</td><td class="whole">${money(amount)}</td>
<td>${outcome ?? state} (${codeOf(order, context)})</td><td>${calls(notifications)}</td><td><ul>${refunds}</ul></td></tr>`;
}

/** Every order, with its notifications and our answers. */
export function listPage(context: MomoContext): string {
  const rows = [...context.store.orders.values()].reverse().map((order) => row(order, context));
  const columns = ['Order', 'Amount', 'State', 'Notifications', 'Refunds'];
  return show(html`<h1>MoMo</h1>${table(columns, rows, 'Nothing has been ordered here yet.')}`, 'list');
}
