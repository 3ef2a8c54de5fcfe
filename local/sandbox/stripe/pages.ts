import { type Html, html, money, when } from '../../html.ts';
import { calls, pagesOf, table } from '../pages.ts';
import type { StripeContext } from './context.ts';
import type { Refund, Session } from './store.ts';

const show = pagesOf('stripe', 'Stripe');

/** The page a payer sees. */
export function payPage(session: Session): string {
  const declined = session.intent === null ? html`` : html`<p>The card was declined. Try again.</p>`;
  return show(html`<h1>Pay ${money(session.amount)}</h1>${declined}
<dl><dt>Reference</dt><dd>${session.reference ?? ''}</dd><dt>For</dt><dd>${session.product}</dd>
<dt>Payable until</dt><dd>${when(session.expiresAt * 1000)}</dd></dl>
<form method="post" action="/stripe/pay">
<input type="hidden" name="session" value="${session.id}">
<button name="outcome" value="success">Pay</button>
<button name="outcome" value="pending">Pay by a slow method</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="cancel">Back to the merchant</button>
<button name="outcome" value="expire">Let it run out</button>
</form>`);
}

/** A session that has ended, with what a bank may still do. */
export function donePage(session: Session, returnTo: string): string {
  const button = (value: string, text: string) =>
    html`<button name="outcome" value="${value}">${text}</button>`;
  const choices: Html[] = [];
  if (session.intent?.status === 'processing') {
    choices.push(button('success', 'The bank pays'), button('insufficient_funds', 'The bank does not pay'));
  }
  if (session.paymentStatus === 'paid' && !session.disputed) {
    choices.push(button('dispute', 'Dispute the payment'));
  }
  return show(html`<h1>This session is ${session.status}, ${session.paymentStatus}</h1>
<p><a href="${returnTo}">Back to the merchant</a></p>
<form method="post" action="/stripe/pay"><input type="hidden" name="session" value="${session.id}">${choices}</form>`);
}

/** A session that does not exist. */
export function errorPage(message: string): string {
  return show(html`<h1>This payment cannot be made</h1><p>${message}</p>`);
}

function refundItem({ id, amount, status }: Refund): Html {
  return html`<li>${id}: ${money(amount)}, ${status}</li>`;
}

function row(session: Session): Html {
  return html`<tr><td class="whole"><a href="/stripe/c/pay/${session.id}">${session.reference ?? session.id}</a></td>
<td class="whole">${money(session.amount)}</td><td>${session.status}, ${session.paymentStatus}</td>
<td>${calls(session.notifications)}</td><td><ul>${session.refunds.map(refundItem)}</ul></td></tr>`;
}

/** Every session, with its events and our answers. */
export function listPage(context: StripeContext): string {
  const rows = [...context.store.sessions.values()].reverse().map(row);
  const columns = ['Reference', 'Amount', 'State', 'Events', 'Refunds'];
  return show(html`<h1>Stripe</h1>${table(columns, rows, 'Nothing has been paid here yet.')}`, 'list');
}
