import type { AttemptInput, PaymentReport, RetrieveResult } from '../provider.ts';
import { callZalopay, isDenied, isTemporary, type ZalopayTools } from './api.ts';
import { appTransId } from './order-id.ts';
import { paidReport, unpaidReport } from './report.ts';

// ZaloPay knows an order for 48 hours. After that, its answer does not prove that nobody has paid.
const remembered = 48 * 3_600_000;

const one = (report: PaymentReport): RetrieveResult => ({ kind: 'reports', reports: [report] });
const nothing = (reason: string): RetrieveResult => ({ kind: 'no_information', reason });

/** Asks ZaloPay for the result of an order. We learn of a failure in no other way. */
export async function retrieve(input: AttemptInput, tools: ZalopayTools): Promise<RetrieveResult> {
  const id = appTransId(input.reference);
  const answer = await callZalopay('query', { app_trans_id: id }, tools);
  const { returnCode, code } = answer;
  if (returnCode === '1') {
    // the answer does not name the order, but it answers a query about this one
    const report = paidReport(id, answer.field('amount'), answer.field('zp_trans_id'));
    return report ? one(report) : nothing('malformed');
  }
  if (isTemporary(answer) || isDenied(answer) || code === '-92') return nothing(code);
  if (returnCode !== '2' && returnCode !== '3') return nothing(`return_code_${returnCode}`);
  const { app_time: appTime, open_until: openUntil } = input.providerData;
  const now = tools.now();
  if (typeof appTime === 'number' && now - appTime > remembered) return nothing('too_old');
  if (returnCode === '3' || answer.field('is_processing') === 'true') {
    return one(unpaidReport(input, 'pending', code));
  }
  if (code === '-101' || code === '-49') return { kind: 'not_found', signed: false };
  // a payer who was refused may try again while the order is open, which can be longer than our hold
  const open = code !== '-54' && typeof openUntil === 'number' && now < openUntil;
  return one(unpaidReport(input, open ? 'pending' : 'failed', code));
}
