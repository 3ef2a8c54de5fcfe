import { SandboxError } from '../answers.ts';
import { instantOf, stamp } from './clock.ts';
import type { VnpayContext } from './context.ts';
import { isSignedQuery } from './sign.ts';
import type { Transaction } from './store.ts';

const required = [
  ...['Version', 'Command', 'TmnCode', 'Amount', 'CreateDate', 'ExpireDate', 'CurrCode', 'IpAddr', 'Locale'],
  ...['OrderInfo', 'OrderType', 'ReturnUrl', 'TxnRef'],
].map((name) => `vnp_${name}`);

const forms: Record<string, RegExp> = {
  vnp_Version: /^2\.1\.0$/,
  vnp_Command: /^pay$/,
  vnp_Amount: /^\d{1,12}$/,
  vnp_CreateDate: /^\d{14}$/,
  vnp_ExpireDate: /^\d{14}$/,
  vnp_CurrCode: /^VND$/,
  vnp_IpAddr: /^.{7,45}$/,
  vnp_Locale: /^(vn|en)$/,
  vnp_OrderInfo: /^[\x20-\x7e]{1,255}$/,
  vnp_ReturnUrl: /^https?:\/\/.{3,248}$/,
  vnp_TxnRef: /^.{1,100}$/,
};

/** Checks a pay link as VNPay does, and stores its transaction. The same link may be opened again. */
export function openLink(params: Record<string, string>, context: VnpayContext): Transaction {
  for (const name of required) {
    if (!params[name]) throw new SandboxError('03', `${name} is missing`);
    if (forms[name]?.test(params[name]) === false) throw new SandboxError('03', `${name} is malformed`);
  }
  const value = (name: string): string => params[`vnp_${name}`] ?? '';
  if (value('TmnCode') !== context.tmnCode)
    throw new SandboxError('02', `there is no terminal ${value('TmnCode')}`);
  if (!isSignedQuery(params, context.hashSecret)) throw new SandboxError('70', 'the signature is wrong');
  const dong = Number(value('Amount')) / 100;
  if (dong < 5_000 || dong >= 1_000_000_000) {
    throw new SandboxError('32', 'the amount must be from 5,000 to less than 1 billion VND');
  }
  const created = instantOf(value('CreateDate'));
  if (Math.abs(Date.now() - created) > 24 * 3_600_000) {
    throw new SandboxError('03', 'vnp_CreateDate is not of today, GMT+7');
  }
  const known = context.store.transactions.get(value('TxnRef'));
  if (known) {
    if (known.linkHash !== value('SecureHash')) {
      throw new SandboxError('01', `vnp_TxnRef ${known.txnRef} was used before`);
    }
  }
  if (known?.state !== 'done' && instantOf(value('ExpireDate')) <= Date.now()) {
    throw new SandboxError('15', `the link was good until ${value('ExpireDate')}; it is ${stamp()} (GMT+7)`);
  }
  if (known) return known;
  const transaction: Transaction = {
    txnRef: value('TxnRef'),
    amount: Number(value('Amount')),
    orderInfo: value('OrderInfo'),
    createDate: value('CreateDate'),
    expireDate: value('ExpireDate'),
    returnUrl: value('ReturnUrl'),
    linkHash: value('SecureHash'),
    state: 'open',
    outcome: null,
    transactionNo: '0',
    responseCode: '',
    transactionStatus: '01',
    bankCode: '',
    payDate: '',
    notifications: [],
    refunds: [],
    refundVerdict: 'pay',
  };
  context.store.transactions.set(transaction.txnRef, transaction);
  context.store.save();
  return transaction;
}
