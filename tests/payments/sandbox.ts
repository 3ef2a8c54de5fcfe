import { createServer } from 'node:http';
import { expect } from 'vitest';
import { sandboxMerchants, sandboxSettings } from '../../local/sandbox/merchants.ts';
import { type SandboxOptions, startSandbox } from '../../local/sandbox/server.ts';
import { type Env, readEnv } from '../../supabase/functions/_shared/env.ts';
import { createProviders } from '../../supabase/functions/_shared/payments/index.ts';
import type {
  Checkout,
  CheckoutInput,
  PaymentProvider,
  ProviderName,
} from '../../supabase/functions/_shared/payments/provider.ts';
import { platform } from './settings.ts';

/** A notification as it arrived. */
export interface Received {
  method: string;
  path: string;
  query: string;
  body: string;
  headers: Headers;
}

export interface Rig {
  url: string;
  env: Env;
  provider: PaymentProvider;
  received: Received[];
  /** How the receiver answers; the default is what the provider's wrapper says to what was applied. */
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

export const terminal = sandboxMerchants.vnpay;
let references = 0;

/** A reference in the form of the database's own: J, the day, a number. */
export function nextReference(): string {
  references += 1;
  const now = Date.now();
  const day = new Date(now + 7 * 3_600_000).toISOString().slice(2, 10).replaceAll('-', '');
  return `J${day}${String((now * 10 + references) % 100_000_000).padStart(8, '0')}`;
}

/** The sandbox, a receiver of notifications, and one provider's wrapper, joined over HTTP. */
export async function startRig(
  name: ProviderName,
  options: Partial<Omit<SandboxOptions, 'merchants'>> = {},
): Promise<Rig> {
  const received: Received[] = [];
  const receiver = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    let body = '';
    for await (const chunk of request) body += chunk;
    const one: Received = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.search.slice(1),
      body,
      headers: new Headers(request.headers as Record<string, string>),
    };
    received.push(one);
    const answer = await reply.with(one, received.length);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const address = receiver.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const webhookUrl = (provider: string): string => `http://127.0.0.1:${port}/payment-webhooks/${provider}`;
  const sandbox = await startSandbox({
    port: 0,
    webhookUrl,
    merchants: sandboxMerchants,
    retryMs: 20,
    // A receiver that a busy machine keeps from answering is not called again.
    notifyTimeoutMs: 60_000,
    throttleMs: 0,
    stepMs: 0,
    ...options,
  });
  const env = readEnv({ ...platform, JOURNEY_ENV: 'local', ...sandboxSettings(sandbox.url) });
  const provider = createProviders(env).get(name);
  const reply: Rig['reply'] = { with: async () => provider.respond('applied') };
  const post: Rig['post'] = async (path, body) => {
    const answer = await fetch(`${sandbox.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return {
    url: sandbox.url,
    env,
    provider,
    received,
    reply,
    async checkout(changes = {}) {
      const input: CheckoutInput = {
        reference: nextReference(),
        amount: 1_500_000,
        currency: 'VND',
        createdAt: Date.now(),
        expiresAt: Date.now() + 900_000,
        description: 'Thanh toán đơn (JB7K2M9Q)!',
        locale: 'vi',
        clientIp: '127.0.0.1',
        returnUrl: `http://127.0.0.1:9/payments/return/${name}?to=journey%3A%2F%2Fpaid`,
        webhookUrl: webhookUrl(name),
        ...changes,
      };
      return { reference: input.reference, ...(await provider.create(input)) };
    },
    pay: (body) => post(`/${name}/api/pay`, body),
    post,
    async close() {
      await sandbox.close();
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    },
  };
}

/** What a receiver answers that never answers. */
export const silence = () => new Promise<Response>(() => {});

/** The error that asks for a provider to be left alone, for use in `toThrow`. */
export function rateLimited(provider: ProviderName, seconds = 2): unknown {
  return expect.objectContaining({
    code: 'provider_unavailable',
    details: { provider, retry_after: seconds },
  });
}

/** What a rig's wrapper makes of a notification as it arrived. */
export function construct(rig: Rig, received: Received | undefined) {
  const { method = 'POST', query = '', body = '', headers = new Headers() } = received ?? {};
  return rig.provider.constructEvent({ method, query, body, headers });
}
