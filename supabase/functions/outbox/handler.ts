import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { createCooldowns } from './cooldowns.ts';
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
  // kept as long as this instance lives; another one learns it by a refused question of its own
  const cooldowns = createCooldowns(now);
  const work = endpoint({
    methods: ['POST'],
    path: '/',
    auth: 'secret',
    async run({ note }) {
      const report = await workOutbox({ http, db, providers, transfers, mailer, now }, cooldowns);
      note({ ...report });
      return report;
    },
  });
  return serveEndpoints('outbox', [work], http);
}
