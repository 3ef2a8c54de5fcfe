import { type Html, html, money, when } from '../../html.ts';
import type { SandboxError } from '../answers.ts';
import { calls, pagesOf, table } from '../pages.ts';
import { instantOf } from './clock.ts';
import type { VnpayContext } from './context.ts';
import { refundState } from './merchant-api.ts';
import type { Transaction } from './store.ts';

const show = pagesOf('vnpay', 'VNPay');
const vnd = (times100: number): string => money(times100 / 100);

/** The page a payer sees. */
export function payPage(transaction: Transaction): string {
  return show(html`<h1>Pay ${vnd(transaction.amount)}</h1>
<dl><dt>Reference</dt><dd>${transaction.txnRef}</dd><dt>For</dt><dd>${transaction.orderInfo}</dd>
<dt>Payable until</dt><dd>${when(instantOf(transaction.expireDate))}</dd></dl>
<form method="post" action="/vnpay/pay">
<input type="hidden" name="txnRef" value="${transaction.txnRef}">
<button name="outcome" value="success">Pay</button>
<button name="outcome" value="cancel">Cancel</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="expire">Let it run out</button>
<button name="outcome" value="suspicious">Pay, under suspicion</button>
</form>`);
}

/** A payment that has ended. */
export function donePage(transaction: Transaction, returnTo: string): string {
  return show(
    html`<h1>This payment has ended: ${transaction.outcome ?? ''}</h1><p><a href="${returnTo}">Back to the merchant</a></p>`,
  );
}

/** A link that is refused. */
export function errorPage(error: SandboxError): string {
  return show(html`<h1>This payment cannot be made</h1><p>Code ${error.code}: ${error.message}.</p>`);
}

function row(transaction: Transaction, context: VnpayContext): Html {
  const { txnRef, amount, state, outcome, notifications } = transaction;
  const name = state === 'open' ? html`<a href="/vnpay/payments/${txnRef}">${txnRef}</a>` : html`${txnRef}`;
  const refunds = transaction.refunds.map(
    (refund) =>
      html`<li>${refund.transactionNo}: ${vnd(refund.amount)}, ${refundState(refund, context)}</li>`,
  );
  return html`<tr><td class="whole">${name}</td><td class="whole">${vnd(amount)}</td><td>${outcome ?? state}</td>
<td>${calls(notifications)}</td><td><ul>${refunds}</ul></td></tr>`;
}

/** Every transaction, with its notifications and our answers. */
export function listPage(context: VnpayContext): string {
  const rows = [...context.store.transactions.values()].reverse().map((item) => row(item, context));
  const columns = ['Reference', 'Amount', 'State', 'Notifications', 'Refunds'];
  return show(html`<h1>VNPay</h1>${table(columns, rows, 'Nothing has been paid here yet.')}`, 'list');
}
