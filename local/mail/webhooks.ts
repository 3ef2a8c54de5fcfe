import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

interface ReportedMail {
  from: string;
  to: string[];
  subject: string;
}

export interface MailWebhook {
  url: string;
  /** `whsec_…` */
  secret: string;
}

// a function that is starting or restarting takes some seconds
const pausesMs = [0, 500, 1_000, 2_000, 5_000, 10_000, 20_000];

interface Report {
  type: string;
  facts: Record<string, unknown>;
}

const gone: Report = {
  type: 'email.bounced',
  facts: {
    bounce: {
      type: 'Permanent',
      subType: 'General',
      message: "The recipient's email provider sent a hard bounce message, but didn't specify the reason.",
    },
  },
};
const arrived: Report = { type: 'email.delivered', facts: {} };

/** What becomes of a mail. Resend's own test addresses do here what they do there, with or without a label. */
function fateOf(address: string): Report[] {
  const [name, domain] = address.toLowerCase().split('@');
  if (domain !== 'resend.dev') return [arrived];
  switch (name?.split('+')[0]) {
    case 'bounced':
      return [gone];
    case 'complained':
      return [arrived, { type: 'email.complained', facts: {} }];
    case 'suppressed':
      return [
        {
          type: 'email.suppressed',
          facts: {
            suppressed: {
              type: 'OnAccountSuppressionList',
              message: `${address} is on the suppression list.`,
            },
          },
        },
      ];
    default:
      return [arrived];
  }
}

/** Reports as Resend does, signed as Svix does it for Resend, in order, and again while the receiver fails. */
export class MailReporter {
  readonly #webhook: MailWebhook;
  readonly #abort = new AbortController();

  constructor(webhook: MailWebhook) {
    this.#webhook = webhook;
  }

  report(id: string, mail: ReportedMail): void {
    const reports: Report[] = [
      { type: 'email.sent', facts: {} },
      ...fateOf(/<([^>]+)>$/.exec(mail.to[0] ?? '')?.[1] ?? mail.to[0] ?? ''),
    ];
    void (async () => {
      for (const one of reports) await this.#deliver(id, mail, one);
    })();
  }

  close(): void {
    this.#abort.abort();
  }

  async #deliver(id: string, mail: ReportedMail, { type, facts }: Report): Promise<void> {
    const { from, to, subject } = mail;
    const body = JSON.stringify({
      type,
      created_at: new Date().toISOString(),
      data: { email_id: id, message_id: `<${id}@journey.local>`, from, to, subject, ...facts },
    });
    const event = `msg_${randomUUID().replaceAll('-', '')}`;
    for (const pause of pausesMs) {
      await new Promise((resolve) => setTimeout(resolve, pause).unref());
      if (this.#abort.signal.aborted || (await this.#post(event, body))) return;
    }
  }

  async #post(event: string, body: string): Promise<boolean> {
    const at = new Date();
    const headers = {
      'content-type': 'application/json',
      'svix-id': event,
      'svix-timestamp': String(Math.floor(at.getTime() / 1000)),
      'svix-signature': new Webhook(this.#webhook.secret).sign(event, at, body),
    };
    try {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(10_000)]);
      const answer = await fetch(this.#webhook.url, { method: 'POST', headers, body, signal });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }
}
