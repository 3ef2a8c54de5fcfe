import { type Html, html, money, when } from '../../html.ts';
import type { SandboxError } from '../answers.ts';
import { calls, pagesOf, table } from '../pages.ts';
import type { VietqrContext } from './context.ts';
import type { Scanned } from './emv.ts';
import { messageChanges } from './message-change.ts';
import type { Transaction } from './store.ts';

const show = pagesOf('vietqr', 'Bank transfer (VietQR)');

const scanForm = html`<form method="get" action="/vietqr/scan">
<label>What the QR code says <input name="qr" size="60" required></label><button>Scan</button></form>`;

/** What the app shows after scanning. */
export function payPage(qr: string, scanned: Scanned, { merchant }: VietqrContext): string {
  const ways = messageChanges.map((way) => html`<option>${way}</option>`);
  return show(html`<h1>Transfer ${scanned.amount === null ? 'money' : money(scanned.amount)}</h1>
<dl><dt>Bank</dt><dd>${scanned.bankBin}</dd><dt>Account</dt><dd>${scanned.accountNumber}</dd>
<dt>Name</dt><dd>${merchant.accountName}</dd></dl>
<form method="post" action="/vietqr/pay">
<input type="hidden" name="qr" value="${qr}">
<label>Amount <input name="amount" inputmode="numeric" value="${scanned.amount ?? ''}"></label>
<label>Message <input name="message" value="${scanned.message}"></label>
<label>What the bank makes of it <select name="messageChange">${ways}</select></label>
<button name="outcome" value="success">Transfer</button>
<button name="outcome" value="pending">Transfer, arriving later</button>
<button name="outcome" value="insufficient_funds">Not enough money</button>
<button name="outcome" value="cancel">Cancel</button>
</form>`);
}

/** What the app shows after paying. */
export function donePage(transaction: Transaction | null): string {
  const said =
    transaction === null
      ? html`<h1>Nothing was transferred</h1>`
      : html`<h1>${transaction.state === 'done' ? 'Transferred' : 'On its way'}: ${money(transaction.amount)}</h1>
<p>The bank says: <code>${transaction.content}</code></p>`;
  return show(html`${said}<p><a href="/vietqr">The account</a></p>`);
}

/** A QR code or transfer that is refused. */
export function errorPage(error: SandboxError): string {
  return show(html`<h1>This cannot be paid</h1><p>${error.code}: ${error.message}.</p>${scanForm}`);
}

function row(transaction: Transaction): Html {
  const sign = transaction.direction === 'in' ? '+' : '−';
  const arrives =
    transaction.state === 'done'
      ? html``
      : html`<form method="post" action="/vietqr/arrive"><input type="hidden" name="reference" value="${transaction.reference}">
<button name="outcome" value="success">Let it arrive</button><button name="outcome" value="cancel">Send it back</button></form>`;
  return html`<tr><td>${transaction.id}</td><td class="whole">${when(transaction.bookedAt)}</td><td class="whole">${sign}${money(transaction.amount)}</td>
<td>${transaction.content}${arrives}</td><td>${calls(transaction.notifications)}</td></tr>`;
}

/** The account: every movement, with its notifications and our answers. */
export function listPage({ store, merchant }: VietqrContext): string {
  const rows = [...store.transactions].reverse().map(row);
  const columns = ['Number', 'Time', 'Amount', 'Message', 'Notifications'];
  return show(
    html`<h1>Bank transfer (VietQR)</h1>${scanForm}
<dl><dt>Account</dt><dd>${merchant.accountNumber} at ${merchant.bankBin}</dd><dt>Balance</dt><dd>${money(store.balance)}</dd></dl>
${table(columns, rows, 'Nothing has moved on this account yet.')}`,
    'list',
  );
}
