import { createServer } from 'node:http';
import { type SandboxOptions, startSandbox } from '../../local/sandbox/server.ts';
import type {
  Checkout,
  CheckoutInput,
  PaymentProvider,
} from '../../supabase/functions/_shared/payments/provider.ts';
import { createVnpay } from '../../supabase/functions/_shared/payments/vnpay/index.ts';

/** A notification as it arrived. */
export interface Received {
  method: string;
  path: string;
  query: string;
}

export interface Rig {
  url: string;
  provider: PaymentProvider;
  received: Received[];
  /** How the receiver answers; the default verifies and says 00. */
  reply: { with: (received: Received, call: number) => Promise<Response> };
  checkout(changes?: Partial<CheckoutInput>): Promise<Checkout & { reference: string }>;
  /** Pays through the sandbox's API. */
  pay(body: Record<string, unknown>): Promise<{ status: number; body: Record<string, unknown> }>;
  post(
    path: string,
    body: Record<string, unknown>,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  close(): Promise<void>;
}

export const terminal = { tmnCode: 'JOURNEY1', hashSecret: 'LOCALSANDBOXSECRETLOCALSANDBOXSE' };
let references = 0;

/** The sandbox, a receiver of notifications, and the wrapper, joined over HTTP. */
export async function startRig(options: Partial<SandboxOptions> = {}): Promise<Rig> {
  const received: Received[] = [];
  const reply: Rig['reply'] = {
    with: async () => Response.json({ RspCode: '00', Message: 'Confirm Success' }),
  };
  const receiver = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const one = { method: request.method ?? '', path: url.pathname, query: url.search.slice(1) };
    received.push(one);
    const answer = await reply.with(one, received.length);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const address = receiver.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const sandbox = await startSandbox({
    port: 0,
    webhookUrl: (provider) => `http://127.0.0.1:${port}/payment-webhooks/${provider}`,
    vnpay: terminal,
    retryMs: 20,
    ipnTimeoutMs: 200,
    throttleMs: 0,
    refundStepMs: 0,
    ...options,
  });
  const provider = createVnpay({
    ...terminal,
    payUrl: `${sandbox.url}/vnpay/paymentv2/vpcpay.html`,
    apiUrl: `${sandbox.url}/vnpay/merchant_webapi/api/transaction`,
  });
  const post: Rig['post'] = async (path, body) => {
    const answer = await fetch(`${sandbox.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return {
    url: sandbox.url,
    provider,
    received,
    reply,
    async checkout(changes = {}) {
      references += 1;
      const input: CheckoutInput = {
        reference: `T${Date.now()}X${references}`,
        amount: 1_500_000,
        currency: 'VND',
        createdAt: Date.now(),
        expiresAt: Date.now() + 900_000,
        description: 'Thanh toán đơn (JB7K2M9Q)!',
        locale: 'vi',
        clientIp: '127.0.0.1',
        returnUrl: 'http://127.0.0.1:9/payments/return/vnpay?to=journey%3A%2F%2Fpaid',
        ...changes,
      };
      return { reference: input.reference, ...(await provider.create(input)) };
    },
    pay: (body) => post('/vnpay/api/pay', body),
    post,
    async close() {
      await sandbox.close();
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    },
  };
}
