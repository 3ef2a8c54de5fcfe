import { sha256Hex } from '../../secrets.ts';
import type { RefundInput, RefundResult } from '../provider.ts';
import { callZalopay, isDenied, isTemporary, type ZalopayAnswer, type ZalopayTools } from './api.ts';
import { vietnamDay } from './order-id.ts';

const notThere = '-101';

/**
 * The id of one order to refund: `yymmdd_appid_` and a number that follows from `requestKey`. The day is that
 * of the order and not of the call, so a repeat on another day is the same refund to ZaloPay. An id that is
 * already stored for this order stays, whatever has changed since.
 */
async function refundIdOf(input: RefundInput, appId: string): Promise<string> {
  const number = BigInt(`0x${(await sha256Hex(input.requestKey)).slice(0, 20)}`)
    .toString()
    .padStart(25, '0');
  if (input.refundId?.endsWith(`_${number}`)) return input.refundId;
  return `${vietnamDay(input.orderedAt)}_${appId}_${number}`;
}

function unsettled(answer: ZalopayAnswer): RefundResult | null {
  if (isTemporary(answer)) return { known: false, status: 'try_later', reason: answer.code };
  if (isDenied(answer)) return { known: false, status: 'no_information', reason: answer.code };
  return null;
}

async function queryRefund(refundId: string, tools: ZalopayTools): Promise<RefundResult> {
  const message = { m_refund_id: refundId, timestamp: tools.now() };
  const answer = await callZalopay('query_refund', message, tools);
  const problem = unsettled(answer);
  if (problem) return problem;
  const { returnCode, code } = answer;
  if (returnCode === '1') return { known: true, status: 'succeeded', refundId, code };
  if (returnCode === '3') return { known: true, status: 'processing', refundId, code };
  if (code === notThere) return { known: false, status: 'no_information', reason: notThere };
  if (returnCode === '2') return { known: true, status: 'failed', refundId, code };
  return { known: false, status: 'try_later', reason: `return_code_${returnCode}` };
}

/**
 * Orders a refund. ZaloPay only accepts it here; we learn by asking whether it was paid. ZaloPay refuses an id
 * that it has seen, and an id of another day. So a refusal counts only when ZaloPay also says that it has no
 * such refund.
 */
export async function refund(input: RefundInput, tools: ZalopayTools): Promise<RefundResult> {
  if (input.transactionId === null) {
    return { known: true, status: 'failed', refundId: null, code: 'no_transaction' };
  }
  const refundId = await refundIdOf(input, tools.config.appId);
  const message = {
    m_refund_id: refundId,
    zp_trans_id: input.transactionId,
    amount: input.refundAmount,
    timestamp: tools.now(),
    description: `Hoan tien ${input.reference}`.trim().slice(0, 100),
  };
  const answer = await callZalopay('refund', message, tools);
  const problem = unsettled(answer);
  if (problem) return problem;
  const { returnCode, code } = answer;
  if (returnCode === '1' || returnCode === '3') return { known: true, status: 'processing', refundId, code };
  const found = await queryRefund(refundId, tools);
  if (found.known || found.reason !== notThere) return found;
  // -23: the id was used, and yet ZaloPay does not have it; one of the two answers will change
  if (code === '-23' || returnCode !== '2') return { known: false, status: 'try_later', reason: code };
  return { known: true, status: 'failed', refundId: null, code };
}

/** Asks ZaloPay for the result of a refund. */
export async function retrieveRefund(input: RefundInput, tools: ZalopayTools): Promise<RefundResult> {
  return queryRefund(await refundIdOf(input, tools.config.appId), tools);
}
