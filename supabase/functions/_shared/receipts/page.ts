import type { ReceiptContent } from '../contracts/receipts.ts';
import { formatMoney, formatPeriod, formatTime } from '../formats.ts';
import { type Html, html } from './html.ts';
import { type ReceiptWords, receiptWords } from './words.ts';

const style = `
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.5rem; margin: 0 0 1.5rem; }
dt { color: #444; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 0 0 1.5rem; }
caption { text-align: left; font-weight: 600; padding: 0 0 .5rem; }
th, td { text-align: left; padding: .4rem 0; border-top: 1px solid #bbb; vertical-align: top; overflow-wrap: anywhere; }
th:last-child, td:last-child { text-align: right; white-space: nowrap; padding-left: 1.5rem; font-variant-numeric: tabular-nums; }
tfoot th { font-weight: 400; }
tfoot tr:first-child > * { font-weight: 700; border-top: 2px solid #111; }
tfoot tr:last-child > * { color: #444; border: 0; padding-top: 0; }
footer { color: #444; font-size: .875rem; }
@page { margin: 18mm; }
@media print {
  body { margin: 0; padding: 0; max-width: none; font-size: 11pt; }
  tr, dl { break-inside: avoid; }
}
`;

const providerNames = new Map([
  ['vnpay', 'VNPay'],
  ['momo', 'MoMo'],
  ['zalopay', 'ZaloPay'],
  ['payos', 'PayOS'],
  ['stripe', 'Stripe'],
  ['vietqr', 'VietQR'],
]);

/** Pairs of a name and a value. Pairs without a value are left out. */
function list(pairs: readonly (readonly [name: string, value: Html | string])[]): Html {
  const shown = pairs.filter(([, value]) => value !== '');
  return html`<dl>${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function head(content: ReceiptContent, words: ReceiptWords): Html {
  const { seller, buyer, payable, issued_at, locale } = content;
  const issued = html`<time datetime="${issued_at}">${formatTime(issued_at, locale)}</time>`;
  return list([
    [words.number, content.number],
    [words.issued, issued],
    [words.seller, seller.address === '' ? seller.name : html`${seller.name}<br>${seller.address}`],
    [words.taxCode, seller.tax_code],
    [words.buyer, buyer.address === '' ? buyer.name : html`${buyer.name}<br>${buyer.address}`],
    [words.buyerTaxCode, buyer.tax_code],
    [words.code, payable.code],
    [words.subject, payable.title],
    [
      words.period,
      payable.starts_at && payable.ends_at ? formatPeriod(payable.starts_at, payable.ends_at, locale) : '',
    ],
  ]);
}

function lines(content: ReceiptContent, words: ReceiptWords): Html {
  const money = (amount: number): string => formatMoney(amount, content.currency, content.locale);
  const row = (label: string, amount: number): Html =>
    html`<tr><th scope="row">${label}</th><td>${money(amount)}</td></tr>`;
  return html`<table><caption>${words.details}</caption>
<thead><tr><th scope="col">${words.item}</th><th scope="col">${words.amount}</th></tr></thead>
<tbody>${content.lines.map((line) => html`<tr><td>${line.label}</td><td>${money(line.amount)}</td></tr>`)}</tbody>
<tfoot>${row(words.total[content.kind], content.total)}${row(words.tax, content.tax)}</tfoot></table>`;
}

function payment({ payment: paid, locale }: ReceiptContent, words: ReceiptWords): Html | null {
  if (!paid) return null;
  const byBank = paid.provider === 'vietqr' || paid.provider === 'manual';
  return list([
    [words.payment, byBank ? words.bankTransfer : (providerNames.get(paid.provider) ?? paid.provider)],
    [words.transaction, paid.transaction_id],
    [words.paidAt, paid.paid_at === null ? '' : formatTime(paid.paid_at, locale)],
  ]);
}

/** A receipt or credit note as a page to read or print, in the language in which it was issued. */
export function receiptPage(content: ReceiptContent): string {
  const words = receiptWords[content.locale];
  const title = words.title[content.kind];
  const page = html`<!doctype html>
<html lang="${content.locale}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} ${content.number}</title><style>${{ html: style }}</style></head>
<body><main><h1>${title}</h1>
${head(content, words)}
${lines(content, words)}
${payment(content, words)}
</main>${content.kind === 'receipt' ? html`<footer>${words.held}</footer>` : null}</body></html>
`;
  return page.html;
}
