import { asJson, type SandboxAnswer, type SandboxRequest } from '../answers.ts';
import { bankTime, codeOf, type VietqrContext } from './context.ts';
import type { Transaction } from './store.ts';

const maxRows = 5_000;
const callsInTime = 3;

function money(amount: number): string {
  return `${amount}.00`;
}

function rowOf(transaction: Transaction, { merchant }: VietqrContext): Record<string, string | null> {
  const { direction, amount } = transaction;
  return {
    id: String(transaction.id),
    bank_brand_name: 'Vietcombank',
    account_number: merchant.accountNumber,
    transaction_date: bankTime(transaction.bookedAt),
    amount_out: money(direction === 'out' ? amount : 0),
    amount_in: money(direction === 'in' ? amount : 0),
    accumulated: money(transaction.accumulated),
    transaction_content: transaction.content,
    reference_number: transaction.bankNumber,
    code: codeOf(transaction.content),
    sub_account: null,
    bank_account_id: '19',
  };
}

function isTooOften(context: VietqrContext): boolean {
  const now = Date.now();
  context.askedAt = context.askedAt.filter((instant) => now - instant < context.throttleMs);
  if (context.askedAt.length >= callsInTime) return true;
  if (context.throttleMs > 0) context.askedAt.push(now);
  return false;
}

/** GET /userapi/transactions/list: SePay's API v1, newest first. */
export function listTransactions({ url, headers }: SandboxRequest, context: VietqrContext): SandboxAnswer {
  if (isTooOften(context)) {
    const answer = asJson({ status: 429, error: 'Too Many Requests', messages: { success: false } }, 429);
    return { ...answer, headers: { ...answer.headers, 'x-sepay-userapi-retry-after': '1' } };
  }
  // to a stranger, v1 answers an empty list instead of a refusal
  if (headers.authorization !== `Bearer ${context.merchant.apiToken}`) return { status: 200, body: '' };

  const asked = (name: string): string | null => url.searchParams.get(name);
  const tests: [string, (row: Record<string, string | null>, wanted: string) => boolean][] = [
    ['account_number', (row, wanted) => row.account_number === wanted],
    // a day alone is its midnight, and text comparison handles it
    ['transaction_date_min', (row, wanted) => String(row.transaction_date) >= wanted],
    ['transaction_date_max', (row, wanted) => String(row.transaction_date) <= wanted],
    ['since_id', (row, wanted) => Number(row.id) >= Number(wanted)],
    ['reference_number', (row, wanted) => row.reference_number === wanted],
    ['amount_in', (row, wanted) => Number(row.amount_in) === Number(wanted)],
    ['amount_out', (row, wanted) => Number(row.amount_out) === Number(wanted)],
  ];
  const limit = Math.min(Number(asked('limit') ?? maxRows), maxRows);
  const rows = context.store.transactions
    .filter(({ state }) => state === 'done')
    .map((transaction) => rowOf(transaction, context))
    .filter((row) =>
      tests.every(([name, fits]) => {
        const wanted = asked(name);
        return wanted === null || fits(row, wanted);
      }),
    )
    .sort((a, b) => Number(b.id) - Number(a.id))
    .slice(0, limit);
  return asJson({ status: 200, error: null, messages: { success: true }, transactions: rows });
}
