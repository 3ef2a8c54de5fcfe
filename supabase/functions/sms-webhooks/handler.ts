import { z } from 'zod';
import type { Deps } from '../_shared/deps.ts';
import { appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { isReportUrl } from '../_shared/sms/reports.ts';

const report = z.object({
  SMSID: z.string().min(1).max(100),
  SendStatus: z.string(),
  SendSuccess: z.string().optional(),
  SendFailed: z.string().optional(),
});

/** What eSMS says; null while the message is under way. 5 is sent, for better or worse, and 4 is refused. */
function outcomeOf({
  SendStatus,
  SendSuccess,
  SendFailed,
}: z.infer<typeof report>): 'delivered' | 'failed' | null {
  if (SendStatus === '4') return 'failed';
  if (SendStatus !== '5') return null;
  if (Number(SendFailed ?? 0) > 0) return 'failed';
  return Number(SendSuccess ?? 0) > 0 ? 'delivered' : null;
}

/**
 * GET /sms-webhooks/esms/<delivery>/<signature>: what became of a message. eSMS calls it by GET, up to five times until it is
 * answered.
 */
export function handle({
  http,
  db,
  smsReportSecret,
}: Pick<Deps, 'http' | 'db' | 'smsReportSecret'>): (request: Request) => Promise<Response> {
  const esms = endpoint({
    methods: ['GET'],
    path: '/esms/:delivery/:signature',
    auth: 'none',
    errors: ['unauthenticated', 'invalid_input'],
    async run({ url, params, trace, note }) {
      const { delivery = '', signature = '' } = params;
      const genuine =
        smsReportSecret !== null &&
        z.uuid().safeParse(delivery).success &&
        (await isReportUrl(smsReportSecret, delivery, signature));
      if (!genuine) throw appError('unauthenticated', { problem: 'this is no address that we gave to eSMS' });
      const said = report.safeParse(Object.fromEntries(url.searchParams));
      if (!said.success) {
        throw appError('invalid_input', { field: 'SMSID', problem: 'this is no report of eSMS' });
      }
      const status = outcomeOf(said.data);
      note({ delivery_id: delivery, send_status: said.data.SendStatus, status });
      if (status !== null) {
        const { SMSID: sms_id, SendStatus } = said.data;
        const detail = status === 'failed' ? `eSMS: SendStatus ${SendStatus}` : null;
        await db
          .service(trace)
          .call('sms_reported', { delivery_id: delivery, sms_id, status, detail }, z.uuid().nullable());
      }
      return {};
    },
  });
  return serveEndpoints('sms-webhooks', [esms], http);
}
