import type { z } from 'zod';
import type { CalendarFetcher } from '../../supabase/functions/_shared/calendars/fetch-calendar.ts';
import type { Deps } from '../../supabase/functions/_shared/deps.ts';
import type { Mail, MailResult } from '../../supabase/functions/_shared/mail/mailer.ts';
import { providersFrom } from '../../supabase/functions/_shared/payments/index.ts';
import type { PaymentProvider, ProviderName } from '../../supabase/functions/_shared/payments/provider.ts';
import type { TransferProvider } from '../../supabase/functions/_shared/payments/transfers.ts';
import { createVnpay } from '../../supabase/functions/_shared/payments/vnpay/index.ts';
import type {
  PushMessage,
  PushReceipt,
  PushResult,
  PushTarget,
} from '../../supabase/functions/_shared/push/message.ts';
import type { Sms, SmsResult } from '../../supabase/functions/_shared/sms/sender.ts';
import type { TicketKeys } from '../../supabase/functions/_shared/tickets/keys.ts';
import type { WebhookSender } from '../../supabase/functions/_shared/webhooks/send.ts';

/** A call of the database, with whose rights it was made. */
export interface Called {
  as: 'service' | string;
  name: string;
  args: Record<string, unknown>;
  correlationId: string;
}

export interface FakeOutside {
  deps: Deps;
  calls: Called[];
  logs: Record<string, unknown>[];
  mails: Mail[];
  messages: Sms[];
  pushes: { message: PushMessage; target: PushTarget }[];
  objects: Map<string, Uint8Array<ArrayBuffer>>;
  /** Accounts that Auth was asked to delete. */
  deletedUsers: string[];
  clock: { now: number };
}

export const user = { id: '6f1c2d3e-0000-4000-8000-000000000001', token: 'header.payload.signature' };
/** Signs the calls of Auth's hooks. */
export const hookSecret = 'whsec_dGhlLXNlY3JldC1vZi1ob29rcy1pbi10ZXN0cy4uLg==';
export const secretKey = 'sb_secret_for_tests';
/** Answers of the database, by the name of the function. */
export type FakeDatabase = Record<string, (args: Record<string, unknown>) => unknown>;

export interface FakeOptions {
  mail?: (mail: Mail) => MailResult;
  mailProblem?: string;
  sms?: (sms: Sms) => SmsResult;
  noSms?: boolean;
  push?: (message: PushMessage, target: PushTarget) => PushResult;
  pushReceipts?: Record<string, PushReceipt>;
  testCodes?: ReadonlyMap<string, string>;
  ticketKeys?: TicketKeys;
  refusePassword?: (password: string) => string | null;
  vnpayFetch?: typeof fetch;
  noVnpay?: boolean;
  /** Besides VNPay, which is the real wrapper. */
  providers?: PaymentProvider[];
  transfers?: TransferProvider;
  calendars?: CalendarFetcher;
  webhooks?: WebhookSender;
}

export const terminal = { tmnCode: 'JOURNEY1', hashSecret: 'LOCALSANDBOXSECRETLOCALSANDBOXSE' };

/**
 * An outside whose database answers from a table of functions by name. What the functions decide from those
 * answers is under test; the answers themselves are proven on the real database elsewhere.
 */
export function fakeOutside(database: FakeDatabase, options: FakeOptions = {}): FakeOutside {
  const calls: Called[] = [];
  const logs: Record<string, unknown>[] = [];
  const mails: Mail[] = [];
  const messages: Sms[] = [];
  const pushes: FakeOutside['pushes'] = [];
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const deletedUsers: string[] = [];
  const clock = { now: Date.UTC(2026, 10, 20, 5) };
  const rpc = (as: string, correlationId: string) => ({
    async call<T>(name: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T> {
      // rows of a test are in the first lane of the outbox, unless it answers for the other
      if (name === 'lease_outbox' && args.worker === 'webhooks' && !database.lease_webhooks)
        return answer.parse([]);
      calls.push({ as, name, args, correlationId });
      const run = database[args.worker === 'webhooks' ? 'lease_webhooks' : name];
      if (!run) throw new Error(`unexpected call of ${name}`);
      return answer.parse(run(args));
    },
  });
  const config = { ...terminal, payUrl: 'http://127.0.0.1:9/pay', apiUrl: 'http://127.0.0.1:9/api' };
  const now = () => clock.now;
  const vnpay = createVnpay(config, { fetch: options.vnpayFetch ?? fetch, now });
  const deps: Deps = {
    http: {
      verifyUser: async (token) => (token === user.token ? user : null),
      secretKeys: [secretKey],
      log: (line) => void logs.push(line),
    },
    db: {
      service: (trace) => rpc('service', trace.correlationId),
      asUser: (one, trace) => rpc(one.id, trace.correlationId),
      objects: {
        read: async (bucket, path) => objects.get(`${bucket}/${path}`) ?? null,
        size: async (bucket, path) => objects.get(`${bucket}/${path}`)?.byteLength ?? null,
        move: async (bucket, from, toBucket, to) => {
          const bytes = objects.get(`${bucket}/${from}`);
          if (bytes) objects.set(`${toBucket}/${to}`, bytes);
          return objects.delete(`${bucket}/${from}`);
        },
        remove: async (bucket, path) => void objects.delete(`${bucket}/${path}`),
      },
      verifyUser: async () => null,
      setPassword: async (_id, password) => options.refusePassword?.(password) ?? null,
      deleteUser: async (id) => void deletedUsers.push(id),
    },
    providers: providersFrom({
      vnpay: options.noVnpay ? null : vnpay,
      ...Object.fromEntries((options.providers ?? []).map((one) => [one.name, one])),
    }),
    transfers: options.transfers ?? null,
    mailer: {
      ...(options.mailProblem === undefined ? {} : { problem: options.mailProblem }),
      async send(mail) {
        mails.push(mail);
        return options.mail?.(mail) ?? { sent: true, id: `mail-${mails.length}` };
      },
    },
    sms: options.noSms
      ? null
      : {
          async send(sms) {
            messages.push(sms);
            return options.sms?.(sms) ?? { sent: true, id: `sms-${messages.length}` };
          },
        },
    push: {
      webPushKey: null,
      problems: [],
      async send(message, target) {
        pushes.push({ message, target });
        return options.push?.(message, target) ?? { kind: 'sent', id: `push-${pushes.length}` };
      },
      receipts: async (tickets) =>
        new Map(Object.entries(options.pushReceipts ?? {}).filter(([ticket]) => tickets.includes(ticket))),
    },
    webhooks: options.webhooks ?? (async () => ({ kind: 'delivered', http_status: 200 })),
    calendars:
      options.calendars ?? (async () => ({ kind: 'failed', problem: 'there is no server of that name' })),
    smsReportSecret: null,
    metricsToken: null,
    authHooks: { email: [hookSecret], sms: [hookSecret] },
    mailWebhookSecrets: [hookSecret],
    testCodes: options.testCodes ?? new Map(),
    ticketKeys: async () => options.ticketKeys ?? null,
    returns: {
      functionsUrl: 'http://127.0.0.1:54321/functions/v1',
      allowed: ['journey://', 'https://app.example.com', 'http://localhost'],
    },
    now,
    pause: async (ms) => {
      clock.now += ms;
    },
  };
  return { deps, calls, logs, mails, messages, pushes, objects, deletedUsers, clock };
}

/** A provider whose answers a test gives; what it is not given is not expected to be called. */
export function fakeProvider(name: ProviderName, answers: Partial<PaymentProvider> = {}): PaymentProvider {
  const unexpected = (): never => {
    throw new Error(`unexpected call of ${name}`);
  };
  return {
    name,
    create: unexpected,
    constructEvent: unexpected,
    readReturn: unexpected,
    respond: unexpected,
    retrieve: unexpected,
    refund: unexpected,
    retrieveRefund: unexpected,
    cancel: unexpected,
    ...answers,
  };
}

/** A request of the signed-in user. */
export function userPost(path: string, body: unknown, headers: Record<string, string> = {}): Request {
  return new Request(`http://functions.local${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${user.token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export interface ErrorBody {
  error: {
    code: string;
    message: string;
    status: number;
    retryable: boolean;
    details: Record<string, unknown>;
    correlation_id: string;
  };
}

export async function errorOf(response: Response): Promise<ErrorBody['error']> {
  return ((await response.json()) as ErrorBody).error;
}
