import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { createCooldowns } from './cooldowns.ts';
import { type WorkDeps, workOutbox } from './work.ts';

/**
 * POST /outbox: performs queued effects for some seconds, and says whether there is more. The doorbell and
 * pg_cron call it with the secret key. Any number of calls may run at once.
 */
export function handle({
  http,
  db,
  providers,
  transfers,
  mailer,
  sms,
  push,
  calendars,
  webhooks,
  now,
}: WorkDeps): (request: Request) => Promise<Response> {
  // it lives as long as this instance; another instance learns a limit from a refusal of its own
  const cooldowns = createCooldowns(now);
  const work = endpoint({
    methods: ['POST'],
    path: '/',
    auth: 'secret',
    async run({ note }) {
      const report = await workOutbox(
        { http, db, providers, transfers, mailer, sms, push, calendars, webhooks, now },
        cooldowns,
      );
      note({ ...report });
      return report;
    },
  });
  return serveEndpoints('outbox', [work], http);
}
