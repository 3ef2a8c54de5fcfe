import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { html, page } from '../html.ts';
import { asHtml, asJson, type SandboxAnswer, SandboxError, type SandboxRequest } from './answers.ts';
import type { SandboxMerchants } from './merchants.ts';
import { createMomoSandbox } from './momo/index.ts';
import { createPayosSandbox } from './payos/index.ts';
import type { SandboxCommon, SandboxProvider } from './provider.ts';
import { createStripeSandbox } from './stripe/index.ts';
import { createVietqrSandbox } from './vietqr/index.ts';
import { createVnpaySandbox } from './vnpay/index.ts';
import { createZalopaySandbox } from './zalopay/index.ts';

export interface SandboxOptions {
  port: number;
  /** The webhook address of a provider. */
  webhookUrl: (provider: string) => string;
  merchants: SandboxMerchants;
  /** The folder that keeps transactions over restarts. Without it they live in memory. */
  stateDir?: string;
  /** The wait between two calls about one notification. Without it, each provider's own. */
  retryMs?: number;
  /** How long a notification may take to answer. Default 10 s. */
  notifyTimeoutMs?: number;
  /** How long after a query the next one is refused. Default 1 s; VNPay takes about five minutes. */
  throttleMs?: number;
  /** How long a refund or transfer stays in each of its states. Default 1 s; banks take days. */
  stepMs?: number;
}

const maxBodyBytes = 256 * 1024;

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBodyBytes) throw new SandboxError('03', 'the request is too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function indexPage(providers: readonly SandboxProvider[]): string {
  const links = providers.map(({ name, title }) => html`<li><a href="/${name}">${title}</a></li>`);
  return page(
    'Payment sandbox',
    html`<p class="test">Sandbox: no money moves</p><h1>Payment providers</h1><ul>${links}</ul>`,
  );
}

async function route(request: SandboxRequest, providers: readonly SandboxProvider[]): Promise<SandboxAnswer> {
  if (request.method === 'GET' && request.url.pathname === '/') return asHtml(indexPage(providers));
  const name = request.url.pathname.split('/')[1];
  const answer = await providers.find((provider) => provider.name === name)?.answer(request);
  return answer ?? asJson({ error: 'there is nothing at this address' }, 404);
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  providers: readonly SandboxProvider[],
): Promise<void> {
  let answer: SandboxAnswer;
  try {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : value,
      ]),
    );
    const asked = { method: request.method ?? 'GET', url, body: await readBody(request), headers };
    answer = await route(asked, providers);
  } catch (error) {
    const refused =
      error instanceof SandboxError || error instanceof SyntaxError || error instanceof TypeError;
    const code = error instanceof SandboxError ? error.code : '99';
    answer = asJson(
      { error: error instanceof Error ? error.message : String(error), code },
      refused ? 400 : 500,
    );
  }
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}

/**
 * Starts the payment sandbox on loopback: this machine plays the payment providers, for development and tests.
 * It speaks their APIs and signs with its own code.
 */
export async function startSandbox(
  options: SandboxOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  let url = `http://127.0.0.1:${options.port}`;
  const common: SandboxCommon = {
    stateDir: options.stateDir,
    baseUrl: () => url,
    webhookUrl: options.webhookUrl,
    retryMs: options.retryMs,
    notifyTimeoutMs: options.notifyTimeoutMs ?? 10_000,
    throttleMs: options.throttleMs ?? 1_000,
    stepMs: options.stepMs ?? 1_000,
  };
  const { merchants } = options;
  const providers: SandboxProvider[] = [
    createVnpaySandbox(merchants.vnpay, common),
    createMomoSandbox(merchants.momo, common),
    createZalopaySandbox(merchants.zalopay, common),
    createPayosSandbox(merchants.payos, merchants.payosPayout, common),
    createStripeSandbox(merchants.stripe, common),
    createVietqrSandbox(merchants.vietqr, common),
  ];
  const server = createServer((request, response) => void serve(request, response, providers));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address === 'object' && address !== null) url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    close: async () => {
      for (const provider of providers) provider.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
