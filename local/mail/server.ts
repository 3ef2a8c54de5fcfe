import { createServer } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { json, sendResponse, toRequest } from '../gateway/http.ts';
import { portTaken } from '../ports.ts';
import { createPushService } from '../push/server.ts';
import { esmsPath, takeSms } from './esms.ts';
import { listPage, mailPage } from './page.ts';
import { type Mail, MailStore } from './store.ts';
import { MailReporter, type MailWebhook } from './webhooks.ts';

export interface MailOptions {
  host: string;
  port: number;
  /** Where the mails are kept, as JSON files. */
  dir: string;
  /** Where to report what becomes of mails, and what to sign it with. Without it nothing is reported. */
  webhook?: MailWebhook;
}

export interface MailServer {
  close(): Promise<void>;
}

const addresses = z
  .union([z.string().min(3), z.array(z.string().min(3)).max(50)])
  .transform((value) => (Array.isArray(value) ? value : [value]));

const mailSchema = z
  .object({
    from: z.string().min(3),
    to: addresses,
    subject: z.string(),
    text: z.string().nullish(),
    html: z.string().nullish(),
    cc: addresses.optional(),
    bcc: addresses.optional(),
    reply_to: addresses.optional(),
    headers: z.record(z.string(), z.string()).optional(),
    tags: z.array(z.unknown()).optional(),
  })
  .refine((mail) => typeof mail.text === 'string' || typeof mail.html === 'string', {
    message: 'Missing `html` or `text` field.',
  });

function normalise(mail: z.infer<typeof mailSchema>): Omit<Mail, 'id' | 'created_at'> {
  return {
    from: mail.from,
    to: mail.to,
    cc: mail.cc ?? [],
    bcc: mail.bcc ?? [],
    reply_to: mail.reply_to ?? [],
    subject: mail.subject,
    text: mail.text ?? null,
    html: mail.html ?? null,
    headers: mail.headers ?? {},
    tags: mail.tags ?? [],
  };
}

function refuse(statusCode: number, name: string, message: string): Response {
  return json(statusCode, { statusCode, name, message });
}

async function send(
  store: MailStore,
  reporter: MailReporter | undefined,
  request: Request,
  batch: boolean,
): Promise<Response> {
  if (!/^Bearer\s+\S+/.test(request.headers.get('authorization') ?? '')) {
    return refuse(401, 'missing_api_key', 'Missing API key in the authorization header');
  }
  const key = request.headers.get('idempotency-key');
  if (key !== null && (key.length < 1 || key.length > 256)) {
    return refuse(400, 'invalid_idempotency_key', 'The idempotency key must be between 1-256 chars');
  }
  const body: unknown = await request.json().catch(() => undefined);
  const parsed = batch ? z.array(mailSchema).min(1).max(100).safeParse(body) : mailSchema.safeParse(body);
  if (!parsed.success) return refuse(422, 'validation_error', z.prettifyError(parsed.error));
  const mails = Array.isArray(parsed.data) ? parsed.data : [parsed.data];
  const accepted = store.accept(mails.map(normalise), key);
  if ('conflict' in accepted) {
    const message = 'Same idempotency key used with a different request payload.';
    return refuse(409, 'invalid_idempotent_request', message);
  }
  if (accepted.isNew) {
    for (const [i, mail] of mails.entries()) reporter?.report(accepted.ids[i] ?? '', mail);
  }
  const sent = accepted.ids.map((id) => ({ id }));
  return json(200, batch ? { data: sent } : sent[0]);
}

function html(status: number, text: string): Response {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:",
  };
  return new Response(text, { status, headers });
}

async function route(
  store: MailStore,
  reporter: MailReporter | undefined,
  request: Request,
): Promise<Response> {
  const url = new URL(request.url);
  const call = `${request.method} ${url.pathname}`;
  if (call === 'POST /emails') return send(store, reporter, request, false);
  if (call === 'POST /emails/batch') return send(store, reporter, request, true);
  if (call === `POST ${esmsPath}`) return takeSms(store, request);
  if (call === 'GET /') return html(200, listPage(store.list()));
  if (call === 'GET /api/messages') return json(200, store.list(url.searchParams.get('to') ?? undefined));
  if (call === 'DELETE /api/messages') {
    store.clear();
    return new Response(null, { status: 204 });
  }
  const id = /^GET \/(?:messages|emails)\/([0-9a-f-]{36})$/.exec(call)?.[1];
  const mail = id === undefined ? undefined : store.find(id);
  if (!mail) return refuse(404, 'not_found', 'Not found');
  return url.pathname.startsWith('/messages/')
    ? html(200, mailPage(mail))
    : json(200, { object: 'email', ...mail });
}

/**
 * Catches mail, SMS and pushes: the sending halves of Resend's and of eSMS's HTTP API, a push service (`local/push`), and
 * pages to read what was sent. Functions reach it
 * with the same code as the real service. A catcher that speaks SMTP would need a bridge.
 */
export async function startMail(options: MailOptions): Promise<MailServer> {
  const store = new MailStore(options.dir);
  const push = createPushService(join(options.dir, 'push'));
  const reporter = options.webhook && new MailReporter(options.webhook);
  const base = `http://${options.host}:${options.port}`;
  const server = createServer((incoming, outgoing) => {
    const request = toRequest(incoming, base);
    push(request)
      .then((caught) => caught ?? route(store, reporter, request))
      .catch((error: unknown) => refuse(500, 'application_error', String(error)))
      .then((response) => sendResponse(outgoing, response, incoming.method === 'HEAD'))
      .catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portTaken(options.port, 'mail') : error);
    });
    server.listen(options.port, options.host, () => resolve());
  });
  return {
    async close() {
      reporter?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
