import type { AttemptInput, PaymentReport, RetrieveResult } from '../provider.ts';
import { type FeedTools, listFeed, readRow } from './feed.ts';
import { dayOf } from './reference.ts';
import { referenceOf } from './report.ts';

// Not filtered by amount: the list can filter equal amounts only, and a payer may send less, more or in parts.
// It begins an hour before the day, because clocks of banks may be slow.
function sinceDayOf(reference: string): string {
  const from = new Date(dayOf(reference) - 3_600_000).toISOString();
  return from.slice(0, 19).replace('T', ' ');
}

/** Searches the bank feed for transfers that name an attempt. Answers one report for each. */
export async function retrieve({ reference }: AttemptInput, tools: FeedTools): Promise<RetrieveResult> {
  const listed = await listFeed({ transaction_date_min: sinceDayOf(reference) }, tools);
  if (listed.kind !== 'rows') return listed;

  const reports = new Map<string, PaymentReport>();
  for (const row of listed.rows) {
    if (referenceOf({ content: row.transaction_content, code: row.code }) !== reference) continue;
    const report = readRow(row);
    // outgoing money names references too: refunds do
    if (report === null) continue;
    if (report === 'malformed') return { kind: 'no_information', reason: 'malformed' };
    reports.set(report.eventId, report);
  }
  if (reports.size > 0) return { kind: 'reports', reports: [...reports.values()] };
  // a transfer older than a full list may exist all the same
  if (listed.isFull) return { kind: 'no_information', reason: 'list_full' };
  return { kind: 'not_found', signed: true };
}
