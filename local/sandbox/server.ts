import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { VnpayContext } from './vnpay/context.ts';
import { LinkError } from './vnpay/link.ts';
import { type SandboxAnswer, vnpayRoutes } from './vnpay/routes.ts';
import { VnpayStore } from './vnpay/store.ts';

export interface SandboxOptions {
  port: number;
  /** Where a provider's notifications go. */
  webhookUrl: (provider: string) => string;
  vnpay: { tmnCode: string; hashSecret: string };
  /** Keeps transactions over restarts. Without it they live in memory. */
  stateDir?: string;
  /** Between two calls about one notification. Default five minutes, as VNPay. */
  retryMs?: number;
  /** How long a notification may take to answer. Default 10 s. */
  ipnTimeoutMs?: number;
  /** How long after a querydr the next one is refused with 94. Default 1 s, where VNPay takes about five minutes. */
  throttleMs?: number;
  /** How long a refund stays in each of its states. Default 1 s, where banks take days. */
  refundStepMs?: number;
}

const maxBodyBytes = 256 * 1024;

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBodyBytes) throw new LinkError('03', 'the request is too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, headers, body }: SandboxAnswer): void {
  response.writeHead(status, headers);
  response.end(body);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  context: VnpayContext,
): Promise<void> {
  const json = { 'content-type': 'application/json' };
  try {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const body = await readBody(request);
    const found = await vnpayRoutes({ method: request.method ?? 'GET', url, body }, context);
    send(
      response,
      found ?? { status: 404, headers: json, body: '{"error":"there is nothing at this address"}' },
    );
  } catch (error) {
    const refused = error instanceof LinkError || error instanceof SyntaxError || error instanceof TypeError;
    const code = error instanceof LinkError ? error.code : '99';
    const message = error instanceof Error ? error.message : String(error);
    send(response, {
      status: refused ? 400 : 500,
      headers: json,
      body: JSON.stringify({ error: message, code }),
    });
  }
}

/**
 * Starts the payment sandbox on loopback: payment providers played by this machine, for development and
 * tests. It speaks as they do and signs with its own code.
 */
export async function startSandbox(
  options: SandboxOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  const context: VnpayContext = {
    ...options.vnpay,
    store: new VnpayStore(options.stateDir),
    ipnUrl: () => options.webhookUrl('vnpay'),
    retryMs: options.retryMs ?? 300_000,
    ipnTimeoutMs: options.ipnTimeoutMs ?? 10_000,
    throttleMs: options.throttleMs ?? 1_000,
    refundStepMs: options.refundStepMs ?? 1_000,
    lastQueryAt: 0,
    timers: new Set(),
    closed: false,
  };
  const server = createServer((request, response) => void answer(request, response, context));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      context.closed = true;
      for (const timer of context.timers) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
