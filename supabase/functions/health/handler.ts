import { z } from 'zod';
import type { Deps } from '../_shared/deps.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';

export interface HealthDeps extends Pick<Deps, 'http' | 'db'> {
  /** Sets up all that the other functions use; throws on a setting that they would not start with. */
  settings(): unknown;
}

const healthFacts = z.looseObject({ outbox_due: z.int(), outbox_dead: z.int() });

/**
 * GET /health: whether functions and database answer, whether the settings of all functions are taken, and whether the
 * outbox keeps up. Anybody may ask, so it says no more than that; the log names what was refused. 200 while bookings
 * work, 503 when they cannot.
 */
export function handle({ http, db, settings }: HealthDeps): (request: Request) => Promise<Response> {
  const read = endpoint({
    methods: ['GET'],
    path: '/',
    auth: 'none',
    async run({ trace, note }) {
      try {
        settings();
      } catch (error) {
        note({ error: String(error) });
        const body = { status: 'down', settings: 'refused', database: 'unknown', outbox: null };
        return Response.json(body, { status: 503 });
      }
      try {
        const facts = await db.service(trace).call('health_facts', {}, healthFacts);
        const outbox = { due: facts.outbox_due, dead: facts.outbox_dead };
        return { status: outbox.dead > 0 ? 'degraded' : 'ok', settings: 'ok', database: 'ok', outbox };
      } catch (error) {
        note({ error: String(error instanceof Error && error.cause ? error.cause : error) });
        const body = { status: 'down', settings: 'ok', database: 'unreachable', outbox: null };
        return Response.json(body, { status: 503 });
      }
    },
  });
  return serveEndpoints('health', [read], http);
}
