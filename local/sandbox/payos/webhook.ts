import { asJson, type SandboxAnswer, SandboxError } from '../answers.ts';
import type { NotifyPlan } from '../delivery.ts';
import { account, type PayosContext } from './context.ts';
import { refusal } from './replies.ts';
import { dataText, hmac } from './sign.ts';
import type { Incoming, Link } from './store.ts';

// not ours: the key of another merchant of PayOS
const foreignKey = 'FOREIGNMERCHANTCHECKSUMKEYFOREIGNMERCHANT';

function sendable(data: object, signature: string): RequestInit {
  const body = JSON.stringify({ code: '00', desc: 'success', success: true, data, signature });
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body };
}

function isContent(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function messageOf(link: Link, incoming: Incoming, plan: NotifyPlan, context: PayosContext): RequestInit {
  const data = {
    orderCode: link.orderCode,
    amount: plan.wrongAmount ? Math.max(1, incoming.amount - 1_000) : incoming.amount,
    description: link.description,
    accountNumber: link.accountNumber,
    reference: incoming.reference,
    transactionDateTime: incoming.at,
    currency: 'VND',
    paymentLinkId: link.id,
    code: '00',
    desc: 'success',
    counterAccountBankId: '970436',
    counterAccountBankName: '',
    counterAccountName: 'NGUYEN VAN A',
    counterAccountNumber: '0987654321',
    virtualAccountName: '',
    virtualAccountNumber: '',
  };
  const { checksumKey } = context.merchant;
  const key = plan.foreignMerchant ? foreignKey : plan.wrongSecret ? `${checksumKey}X` : checksumKey;
  const signature = hmac(key, dataText(data));
  return sendable(plan.tamper ? { ...data, amount: data.amount + 1_000 } : data, signature);
}

/** Notifies the project of incoming money. PayOS sends no other notifications. */
export function notify(
  link: Link,
  incoming: Incoming,
  plan: NotifyPlan,
  context: PayosContext,
): Promise<void> {
  const url = context.registeredUrl ?? context.webhookUrl();
  const message = messageOf(link, incoming, plan, context);
  return context.courier.deliver(async () => {
    const answer = await context.courier.call(url, message, link.notifications);
    context.store.save();
    return isContent(answer?.status);
  }, plan);
}

/** Notifies again of the money of an order: of one transfer by its bank reference, or of all of them. */
export async function notifyAgain(
  link: Link,
  transaction: unknown,
  plan: NotifyPlan,
  context: PayosContext,
): Promise<void> {
  const again = link.incoming.filter(
    ({ reference }) => transaction === undefined || reference === transaction,
  );
  if (again.length === 0) throw new SandboxError('101', 'no such money has come in');
  for (const incoming of again) await notify(link, incoming, plan, context);
}

// as PayOS's guide prints it
const sample = {
  orderCode: 123,
  amount: 3000,
  description: 'VQRIO123',
  accountNumber: '12345678',
  reference: 'TF230204212323',
  transactionDateTime: '2023-02-04 18:25:00',
  currency: 'VND',
  paymentLinkId: '124c33293c43417ab7879e14c8d9eb18',
  code: '00',
  desc: 'Thành công',
  counterAccountBankId: '',
  counterAccountBankName: '',
  counterAccountName: '',
  counterAccountNumber: '',
  virtualAccountName: '',
  virtualAccountNumber: '',
};

/** POST /confirm-webhook: accepts an address that answers a signed sample with 2xx. */
export async function confirmWebhook(
  request: Record<string, unknown>,
  context: PayosContext,
): Promise<SandboxAnswer> {
  const url = String(request.webhookUrl ?? '');
  if (!/^https?:\/\/\S+$/.test(url)) return refusal('20', 'Webhook url invalid', 400);
  const signature = hmac(context.merchant.checksumKey, dataText(sample));
  const answer = await context.courier.call(url, sendable(sample, signature), []);
  if (!isContent(answer?.status)) return refusal('20', 'Webhook url invalid', 400);
  context.registeredUrl = url;
  const { name } = account;
  const data = { webhookUrl: url, accountNumber: 'VQRQ000000000', accountName: name, name, shortName: 'MB' };
  return asJson({ code: '00', desc: 'success', data });
}
