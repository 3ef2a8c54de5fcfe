import type { CalendarFetcher } from './calendars/fetch-calendar.ts';
import type { Db } from './db.ts';
import type { HookSecrets } from './hook-secrets.ts';
import type { HttpDeps } from './http.ts';
import type { Mailer } from './mail/mailer.ts';
import type { Providers } from './payments/index.ts';
import type { TransferProvider } from './payments/transfers.ts';
import type { PushSender } from './push/message.ts';
import type { SmsSender } from './sms/sender.ts';
import type { TicketKeys } from './tickets/keys.ts';
import type { WebhookSender } from './webhooks/send.ts';

/** Everything that a handler may reach outside itself. Each handler takes what it needs of it. */
export interface Deps {
  http: HttpDeps;
  db: Db;
  providers: Providers;
  mailer: Mailer;
  /** Null when codes go by mail only. */
  sms: SmsSender | null;
  push: PushSender;
  /** Reads calendar files from servers that hosts name. */
  calendars: CalendarFetcher;
  /** Sends events to servers that people name. */
  webhooks: WebhookSender;
  /** Signs the addresses at which eSMS reports. Null when it does not report. */
  smsReportSecret: string | null;
  /** What may read the metrics besides the secret keys. Null when nothing may. */
  metricsToken: string | null;
  /** Codes known beforehand, by address. */
  testCodes: ReadonlyMap<string, string>;
  authHooks: HookSecrets;
  /** What Resend may have signed a report with. */
  mailWebhookSecrets: readonly string[];
  /** What tickets are signed with; null when nothing is set. Throws when the setting is bad. */
  ticketKeys(): Promise<TicketKeys | null>;
  /** Null when an admin sends transfers by hand. */
  transfers: TransferProvider | null;
  /** The public address of the functions, and where payers may go after paying. */
  returns: { functionsUrl: string; allowed: readonly string[] };
  /** Milliseconds since 1970. */
  now(): number;
  /** Waits for this many milliseconds. */
  pause(ms: number): Promise<void>;
}
