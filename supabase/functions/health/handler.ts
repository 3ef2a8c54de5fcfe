import { z } from 'zod';
import type { Deps } from '../_shared/deps.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';

const healthFacts = z.looseObject({ outbox_due: z.int(), outbox_dead: z.int() });

/**
 * GET /health: whether functions and database answer, and whether the outbox keeps up. Anybody may ask, so it
 * says no more than that. 200 while bookings work, 503 when they cannot.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const read = endpoint({
    methods: ['GET'],
    path: '/',
    auth: 'none',
    async run({ trace, note }) {
      try {
        const facts = await db.service(trace).call('health_facts', {}, healthFacts);
        const outbox = { due: facts.outbox_due, dead: facts.outbox_dead };
        return { status: outbox.dead > 0 ? 'degraded' : 'ok', database: 'ok', outbox };
      } catch (error) {
        note({ error: String(error instanceof Error && error.cause ? error.cause : error) });
        return Response.json({ status: 'down', database: 'unreachable', outbox: null }, { status: 503 });
      }
    },
  });
  return serveEndpoints('health', [read], http);
}
