import { callApi, type Outside } from '../call.ts';
import type { AttemptInput, PaymentReport, Retrieved } from '../provider.ts';
import type { VietqrConfig } from './config.ts';
import { referenceOf, reportOf } from './movement.ts';
import { dayOf } from './reference.ts';

/** The most rows SePay lists in one answer. */
const maxRows = 5_000;

// Not filtered by the sum: the list knows equal sums only, and a payer may send less, more or in parts. The hour
// before the day is for clocks of banks that are behind.
function listUrl(reference: string, { apiUrl, accountNumber }: VietqrConfig): string {
  const from = new Date(dayOf(reference) - 3_600_000).toISOString();
  const query = new URLSearchParams({
    account_number: accountNumber,
    transaction_date_min: from.slice(0, 19).replace('T', ' '),
    limit: String(maxRows),
  });
  return `${apiUrl}/userapi/transactions/list?${query}`;
}

function rowsOf(body: Record<string, unknown>): Record<string, unknown>[] | null {
  const { status, transactions } = body;
  if (status !== 200 || !Array.isArray(transactions)) return null;
  return transactions.filter((row) => typeof row === 'object' && row !== null);
}

// Sums are text with two decimals, which đồng do not have.
function amountOf(text: unknown): number | null {
  const [, whole] = /^(\d{1,15})(?:\.0{1,2})?$/.exec(String(text)) ?? [];
  return whole === undefined ? null : Number(whole);
}

/**
 * Looks through the bank feed for transfers that name an attempt: a report for each. The answer has no signature;
 * TLS and the address vouch for it.
 */
export async function retrieveTransfers(
  { reference }: AttemptInput,
  { config, fetch }: Outside & { config: VietqrConfig },
): Promise<Retrieved> {
  const { status, body } = await callApi(
    'vietqr',
    listUrl(reference, config),
    {
      method: 'GET',
      headers: { authorization: `Bearer ${config.apiToken}` },
      retryAfter: 'x-sepay-userapi-retry-after',
    },
    fetch,
  );
  if (status >= 500) return { kind: 'try_later', reason: String(status) };
  if (status !== 200) return { kind: 'no_information', reason: `http_${status}` };
  const rows = rowsOf(body);
  if (rows === null) return { kind: 'no_information', reason: 'malformed' };

  const reports = new Map<string, PaymentReport>();
  for (const row of rows) {
    const named = { content: row.transaction_content, code: row.code };
    if (row.account_number !== config.accountNumber || referenceOf(named) !== reference) continue;
    const amount = amountOf(row.amount_in);
    // what left the account names references too: refunds do
    if (amount === 0) continue;
    const report = amount === null ? null : reportOf({ id: row.id, amount, ...named });
    if (report === null) return { kind: 'no_information', reason: 'malformed' };
    reports.set(report.eventId, report);
  }
  if (reports.size > 0) return { kind: 'reports', reports: [...reports.values()] };
  // what is older than a full list may be there all the same
  if (rows.length >= maxRows) return { kind: 'no_information', reason: 'list_full' };
  return { kind: 'not_found', signed: true };
}
