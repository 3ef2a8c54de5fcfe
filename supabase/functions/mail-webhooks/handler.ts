import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import { readText } from '../_shared/body.ts';
import { type MailEvent, mailEvent } from '../_shared/contracts/mail-webhooks.ts';
import type { Deps } from '../_shared/deps.ts';
import { appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';

const told = new Set([
  'email.delivered',
  'email.bounced',
  'email.complained',
  'email.delivery_delayed',
  'email.failed',
  'email.suppressed',
]);

/** Whether a mail that bounced, or that Resend did not send because an earlier one had, will never arrive. */
function isPermanent({ type, data }: MailEvent): boolean {
  return type === 'email.suppressed' || (type === 'email.bounced' && data.bounce?.type === 'Permanent');
}

function detailOf({ data: { bounce, failed, suppressed } }: MailEvent): string | null {
  const said = [bounce?.type, bounce?.subType, bounce?.message, failed?.reason, suppressed?.message];
  return said.filter((part) => part !== undefined && part !== '').join(': ') || null;
}

/**
 * POST /mail-webhooks/resend: what Resend says of a mail. Svix signs it for Resend by the rules of Standard Webhooks,
 * under header names of its own. It is stored first; success is said when it has taken effect, and otherwise it comes
 * again under the same id.
 */
export function handle({
  http,
  db,
  mailWebhookSecrets,
}: Pick<Deps, 'http' | 'db' | 'mailWebhookSecrets'>): (request: Request) => Promise<Response> {
  const receive = endpoint({
    methods: ['POST'],
    path: '/resend',
    auth: 'none',
    errors: ['unauthenticated', 'invalid_input'],
    async run({ request, trace, note }) {
      const body = await readText(request, 256 * 1024);
      const header = (name: string) => request.headers.get(`svix-${name}`) ?? '';
      const headers = {
        'webhook-id': header('id'),
        'webhook-timestamp': header('timestamp'),
        'webhook-signature': header('signature'),
      };
      const isGenuine = mailWebhookSecrets.some((secret) => {
        try {
          new Webhook(secret).verify(body, headers);
          return true;
        } catch {
          return false;
        }
      });
      if (!isGenuine) throw appError('unauthenticated', { problem: 'the signature is not right' });
      const event = mailEvent.parse(JSON.parse(body));
      note({ type: event.type });
      // opened and clicked say more of a person than we want to know
      if (!told.has(event.type)) return { outcome: 'ignored' };
      const service = db.service(trace);
      const event_id = headers['webhook-id'];
      const { email_id = null, to = [] } = event.data;
      const waits = await service.call(
        'record_mail_event',
        {
          ...{ event_id, type: event.type, email_id, address: to[0] ?? null, occurred_at: event.created_at },
          ...{ is_permanent: isPermanent(event), detail: detailOf(event) },
        },
        z.boolean(),
      );
      const outcome = waits ? await service.call('apply_mail_event', { event_id }, z.string()) : 'repeated';
      note({ outcome });
      return { outcome };
    },
  });
  return serveEndpoints('mail-webhooks', [receive], http);
}
