import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { type WorkDeps, workOutbox } from './work.ts';

/**
 * POST /outbox: performs effects the database has queued, for some seconds, and says whether there is
 * more. Called by whatever rings the bell, with the secret key. Any number may run at once.
 */
export function handle({
  http,
  db,
  providers,
  transfers,
  mailer,
  now,
}: WorkDeps): (request: Request) => Promise<Response> {
  const work = endpoint({
    methods: ['POST'],
    path: '/',
    auth: 'secret',
    async run({ note }) {
      const report = await workOutbox({ http, db, providers, transfers, mailer, now });
      note({ ...report });
      return report;
    },
  });
  return serveEndpoints('outbox', [work], http);
}
