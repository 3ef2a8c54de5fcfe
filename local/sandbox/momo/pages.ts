import type { SandboxError } from '../answers.ts';
import { type Html, html, page } from '../html.ts';
import type { MomoContext } from './context.ts';
import { codeOf, refundCode } from './query.ts';
import type { Order } from './store.ts';

const money = (amount: number): string => `${amount.toLocaleString('en-US')} VND`;
const banner = html`<p class="test">Sandbox: no money moves</p>`;

/** The page a payer sees. */
export function payPage(order: Order, context: MomoContext): string {
  const until = new Date(order.createdAt + context.lifeMs).toISOString();
  const waits = order.state === 'pending' ? [html`<p>In process at the bank: say how it ends.</p>`] : [];
  return page(
    'MoMo sandbox',
    html`${banner}<h1>Pay ${money(order.amount)}</h1>${waits}
<dl><dt>Order</dt><dd>${order.orderId}</dd><dt>For</dt><dd>${order.orderInfo}</dd>
<dt>Payable until</dt><dd>${until}</dd></dl>
<form method="post" action="/momo/pay">
<input type="hidden" name="orderId" value="${order.orderId}">
<button name="outcome" value="success">Pay</button>
<button name="outcome" value="authorized">Pay, authorised (9000)</button>
<button name="outcome" value="pending">Pay, in process at the bank</button>
<button name="outcome" value="cancel">Refuse</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="expire">Let it run out</button>
<button name="outcome" value="leave">Leave without a word</button>
</form>`,
  );
}

/** An order that has ended. */
export function donePage(order: Order, code: number, returnTo: string): string {
  return page(
    'MoMo sandbox',
    html`${banner}<h1>This payment has ended: ${order.outcome ?? 'expire'} (${code})</h1><p><a href="${returnTo}">Back to the merchant</a></p>`,
  );
}

/** A page that does not exist. */
export function errorPage(error: SandboxError): string {
  return page(
    'MoMo sandbox',
    html`${banner}<h1>This payment cannot be made</h1><p>Code ${error.code}: ${error.message}.</p>`,
  );
}

function row(order: Order, context: MomoContext): Html {
  const sent = order.notifications.map(
    (call) =>
      html`<li>${call.at} → <code>${call.answer}</code><details><summary>what was sent</summary><code>${call.sent}</code></details></li>`,
  );
  const refunds = order.refunds.map(
    (refund) => html`<li>${refund.orderId}: ${money(refund.amount)}, ${refundCode(refund, context)}</li>`,
  );
  return html`<tr><td>${order.orderId}</td><td>${money(order.amount)}</td>
<td>${order.outcome ?? order.state} (${codeOf(order, context)})</td><td><ol>${sent}</ol></td><td><ul>${refunds}</ul></td></tr>`;
}

/** Every order, with its notifications and our answers. */
export function listPage(context: MomoContext): string {
  const rows = [...context.store.orders.values()].reverse().map((order) => row(order, context));
  const none = html`<tr><td colspan="5">Nothing has been ordered here yet.</td></tr>`;
  return page(
    'MoMo sandbox',
    html`${banner}<h1>MoMo</h1><table><thead><tr><th>Order</th><th>Amount</th><th>State</th><th>Notifications</th><th>Refunds</th></tr></thead>
<tbody>${rows.length > 0 ? rows : none}</tbody></table>`,
  );
}
