import type { SandboxError } from '../answers.ts';
import { type Html, html, page } from '../html.ts';
import { instantOf } from './clock.ts';
import type { VnpayContext } from './context.ts';
import { refundState } from './merchant-api.ts';
import type { Transaction } from './store.ts';

const money = (times100: number): string => `${(times100 / 100).toLocaleString('en-US')} VND`;
const banner = html`<p class="test">Sandbox: no money moves</p>`;

/** The page a payer sees. */
export function payPage(transaction: Transaction): string {
  const until = new Date(instantOf(transaction.expireDate)).toISOString();
  return page(
    'VNPay sandbox',
    html`${banner}<h1>Pay ${money(transaction.amount)}</h1>
<dl><dt>Reference</dt><dd>${transaction.txnRef}</dd><dt>For</dt><dd>${transaction.orderInfo}</dd>
<dt>Payable until</dt><dd>${until}</dd></dl>
<form method="post" action="/vnpay/pay">
<input type="hidden" name="txnRef" value="${transaction.txnRef}">
<button name="outcome" value="success">Pay</button>
<button name="outcome" value="cancel">Cancel</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="expire">Let it run out</button>
<button name="outcome" value="suspicious">Pay, under suspicion</button>
</form>`,
  );
}

/** A payment that has ended. */
export function donePage(transaction: Transaction, returnTo: string): string {
  return page(
    'VNPay sandbox',
    html`${banner}<h1>This payment has ended: ${transaction.outcome ?? ''}</h1><p><a href="${returnTo}">Back to the merchant</a></p>`,
  );
}

/** A link that is refused. */
export function errorPage(error: SandboxError): string {
  return page(
    'VNPay sandbox',
    html`${banner}<h1>This payment cannot be made</h1><p>Code ${error.code}: ${error.message}.</p>`,
  );
}

function row(transaction: Transaction, context: VnpayContext): Html {
  const sent = transaction.notifications.map(
    (call) =>
      html`<li>${call.at} → <code>${call.answer}</code><details><summary>what was sent</summary><code>${call.sent}</code></details></li>`,
  );
  const refunds = transaction.refunds.map(
    (refund) =>
      html`<li>${refund.transactionNo}: ${money(refund.amount)}, ${refundState(refund, context)}</li>`,
  );
  return html`<tr><td>${transaction.txnRef}</td><td>${money(transaction.amount)}</td>
<td>${transaction.outcome ?? transaction.state}</td><td><ol>${sent}</ol></td><td><ul>${refunds}</ul></td></tr>`;
}

/** Every transaction, with its notifications and our answers. */
export function listPage(context: VnpayContext): string {
  const rows = [...context.store.transactions.values()].reverse().map((item) => row(item, context));
  const none = html`<tr><td colspan="5">Nothing has been paid here yet.</td></tr>`;
  return page(
    'VNPay sandbox',
    html`${banner}<h1>VNPay</h1><table><thead><tr><th>Reference</th><th>Amount</th><th>State</th><th>Notifications</th><th>Refunds</th></tr></thead>
<tbody>${rows.length > 0 ? rows : none}</tbody></table>`,
  );
}
