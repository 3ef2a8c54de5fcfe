import { callApi, type Outside } from '../call.ts';
import type { FeedResult, PaymentReport } from '../provider.ts';
import type { VietqrConfig } from './config.ts';
import { reportOf, transactionIdOf } from './report.ts';

export type FeedRow = Record<string, unknown>;
export interface FeedTools extends Outside {
  config: VietqrConfig;
}

type Listed =
  | { kind: 'rows'; rows: FeedRow[]; isFull: boolean }
  | { kind: 'try_later' | 'no_information'; reason: string };

/** The most rows that SePay lists in one answer, newest first. */
const maxRows = 5_000;

/**
 * SePay's list of the movements of our account. The answer has no signature; TLS and the address prove where it
 * comes from.
 */
export async function listFeed(query: Record<string, string>, { config, fetch }: FeedTools): Promise<Listed> {
  const all = new URLSearchParams({
    account_number: config.accountNumber,
    limit: String(maxRows),
    ...query,
  });
  const { status, body } = await callApi(
    'vietqr',
    `${config.apiUrl}/userapi/transactions/list?${all}`,
    {
      method: 'GET',
      headers: { authorization: `Bearer ${config.apiToken}` },
      retryAfter: 'x-sepay-userapi-retry-after',
    },
    fetch,
  );
  if (status >= 500) return { kind: 'try_later', reason: String(status) };
  if (status !== 200) return { kind: 'no_information', reason: `http_${status}` };
  if (body.status !== 200 || !Array.isArray(body.transactions)) {
    return { kind: 'no_information', reason: 'malformed' };
  }
  const rows = body.transactions.filter((row) => typeof row === 'object' && row !== null);
  const ours = rows.filter((row) => row.account_number === config.accountNumber);
  return { kind: 'rows', rows: ours, isFull: rows.length >= Number(all.get('limit')) };
}

/** The money of a row. Null when it left the account, `malformed` when its amount or number cannot be read. */
export function readRow(row: FeedRow): PaymentReport | 'malformed' | null {
  // amounts are text with two decimals, although đồng have none
  const [, whole] = /^(\d{1,15})(?:\.0{1,2})?$/.exec(String(row.amount_in)) ?? [];
  if (whole === undefined) return 'malformed';
  const amount = Number(whole);
  if (amount === 0) return null;
  return reportOf({ id: row.id, amount, content: row.transaction_content, code: row.code }) ?? 'malformed';
}

/**
 * All money that came since an earlier read, also money that names no attempt. The first read answers only
 * where to begin: what was in the account before is not ours to apply.
 */
export async function readFeed(cursor: string | null, tools: FeedTools): Promise<FeedResult> {
  const listed = await listFeed(cursor === null ? { limit: '1' } : { since_id: cursor }, tools);
  if (listed.kind !== 'rows') return listed;
  // the list is newest first, so rows right after the cursor may be missing from a full list
  if (cursor !== null && listed.isFull) return { kind: 'no_information', reason: 'list_full' };
  const reports: PaymentReport[] = [];
  let last = BigInt(cursor ?? 1);
  for (const row of listed.rows) {
    const id = transactionIdOf(row.id);
    const report = readRow(row);
    if (id === null || report === 'malformed') return { kind: 'no_information', reason: 'malformed' };
    if (BigInt(id) > last) last = BigInt(id);
    if (report !== null && cursor !== null) reports.push(report);
  }
  return { kind: 'reports', reports, cursor: String(last) };
}
