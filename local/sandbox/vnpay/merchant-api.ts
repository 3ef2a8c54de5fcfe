import { randomUUID } from 'node:crypto';
import type { VnpayContext } from './context.ts';
import { hmac, isSignedMessage, valuesText } from './sign.ts';
import type { Refund, Transaction } from './store.ts';

const prefixed = (names: string): string[] => names.split(' ').map((name) => `vnp_${name}`);

const queryRequest = prefixed(
  'RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo',
);
const refundRequest = prefixed(
  'RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo TransactionDate CreateBy CreateDate IpAddr OrderInfo',
);
const refundAnswer = prefixed(
  'ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo TransactionType TransactionStatus OrderInfo',
);
const queryAnswer = [...refundAnswer, ...prefixed('PromotionCode PromotionAmount')];

type Message = Record<string, unknown>;

/** Refusals have no usable signature; we saw VNPay answer so. */
function refusal(command: string, code: string, message: string): Message {
  return {
    vnp_ResponseId: randomUUID().replaceAll('-', ''),
    vnp_Command: command,
    vnp_ResponseCode: code,
    vnp_Message: message,
  };
}

function signed(names: readonly string[], message: Message, context: VnpayContext): Message {
  return { ...message, vnp_SecureHash: hmac(context.hashSecret, valuesText(names, message)) };
}

/** 05 in process, 06 sent to the bank, then 00 paid or 09 rejected. */
export function refundState(refund: Refund, context: VnpayContext): '00' | '05' | '06' | '09' {
  const age = Date.now() - refund.orderedAt;
  if (age < context.stepMs) return '05';
  if (refund.verdict === 'reject') return '09';
  return age < 2 * context.stepMs ? '06' : '00';
}

function movement(
  command: string,
  transaction: Transaction,
  refund: Refund | null,
  context: VnpayContext,
): Message {
  return {
    vnp_ResponseId: randomUUID().replaceAll('-', ''),
    vnp_Command: command,
    vnp_ResponseCode: '00',
    vnp_Message: 'Success',
    vnp_TmnCode: context.tmnCode,
    vnp_TxnRef: transaction.txnRef,
    vnp_Amount: String(refund ? refund.amount : transaction.amount),
    vnp_BankCode: transaction.bankCode,
    vnp_PayDate: transaction.payDate,
    vnp_TransactionNo: refund ? refund.transactionNo : transaction.transactionNo,
    vnp_TransactionType: refund ? refund.type : '01',
    vnp_TransactionStatus: refund ? refundState(refund, context) : transaction.transactionStatus,
    vnp_OrderInfo: transaction.orderInfo,
  };
}

function querydr(message: Message, context: VnpayContext): Message {
  if (!isSignedMessage(queryRequest, message, context.hashSecret)) {
    return refusal('querydr', '97', 'Checksum is wrong');
  }
  if (Date.now() - context.lastQueryAt < context.throttleMs) {
    return refusal('querydr', '94', 'The request is a duplicate within the limited time');
  }
  context.lastQueryAt = Date.now();
  const transaction = context.store.transactions.get(String(message.vnp_TxnRef));
  if (!transaction || transaction.createDate !== message.vnp_TransactionDate) {
    return refusal('querydr', '91', 'The transaction was not found');
  }
  // like VNPay, answer about the latest movement: after a refund, that is the refund
  const latest = transaction.refunds.at(-1) ?? null;
  return signed(queryAnswer, movement('querydr', transaction, latest, context), context);
}

function refundProblem(message: Message, transaction: Transaction | undefined): [string, string] | null {
  if (!transaction || transaction.createDate !== message.vnp_TransactionDate) {
    return ['91', 'The transaction was not found'];
  }
  if (transaction.transactionStatus !== '00') return ['95', 'The payment did not succeed'];
  const given = String(message.vnp_TransactionNo);
  if (given !== '0' && given !== transaction.transactionNo) return ['91', 'The transaction was not found'];
  const amount = Number(message.vnp_Amount);
  const before = transaction.refunds
    .filter((refund) => refund.verdict === 'pay')
    .reduce((sum, refund) => sum + refund.amount, 0);
  if (!Number.isInteger(amount) || amount <= 0) return ['03', 'vnp_Amount is malformed'];
  if (message.vnp_TransactionType === '02' && before > 0)
    return ['04', 'A part was refunded: no full refund'];
  if (message.vnp_TransactionType === '02' && amount !== transaction.amount)
    return ['03', 'vnp_Amount is not all'];
  if (amount + before > transaction.amount) return ['02', 'More than was paid'];
  return null;
}

function refund(message: Message, context: VnpayContext): Message {
  if (!isSignedMessage(refundRequest, message, context.hashSecret)) {
    return refusal('refund', '97', 'Checksum is wrong');
  }
  const requestId = String(message.vnp_RequestId);
  if (context.store.requestIds.has(requestId)) return refusal('refund', '94', 'The request is a duplicate');
  if (message.vnp_TransactionType !== '02' && message.vnp_TransactionType !== '03') {
    return refusal('refund', '03', 'vnp_TransactionType is malformed');
  }
  const transaction = context.store.transactions.get(String(message.vnp_TxnRef));
  const problem = refundProblem(message, transaction);
  if (problem || !transaction) {
    const [code, text] = problem ?? ['91', 'The transaction was not found'];
    const answer = {
      ...refusal('refund', code, text),
      vnp_TmnCode: context.tmnCode,
      vnp_TxnRef: message.vnp_TxnRef,
    };
    // we saw 91 without a signature; refusals of the amount are ordinary, signed answers
    return code === '91' ? answer : signed(refundAnswer, answer, context);
  }
  const made: Refund = {
    transactionNo: context.store.nextTransactionNo(),
    type: message.vnp_TransactionType,
    amount: Number(message.vnp_Amount),
    requestId,
    orderedAt: Date.now(),
    verdict: transaction.refundVerdict,
  };
  context.store.requestIds.add(requestId);
  transaction.refunds.push(made);
  context.store.save();
  return signed(refundAnswer, movement('refund', transaction, made, context), context);
}

/** POST /merchant_webapi/api/transaction. */
export function merchantApi(message: Message, context: VnpayContext): Message {
  const command = String(message.vnp_Command ?? '');
  if (!/^[A-Za-z0-9]{1,32}$/.test(String(message.vnp_RequestId ?? ''))) {
    return refusal(command, '03', 'vnp_RequestId is malformed');
  }
  if (message.vnp_TmnCode !== context.tmnCode) return refusal(command, '02', 'There is no such terminal');
  if (command === 'querydr') return querydr(message, context);
  if (command === 'refund') return refund(message, context);
  return refusal(command, '03', 'vnp_Command is malformed');
}
