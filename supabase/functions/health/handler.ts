import { z } from 'zod';
import type { Deps } from '../_shared/deps.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';

export interface HealthDeps extends Pick<Deps, 'http' | 'db'> {
  /** Sets up everything that the other functions use. Throws on a setting with which they would not start. */
  settings(): Pick<Deps, 'providers' | 'transfers' | 'mailer' | 'sms' | 'push'>;
}

const healthFacts = z.looseObject({
  outbox_due: z.int(),
  outbox_dead: z.int(),
  rails: z.array(z.string()).default([]),
  payout_provider: z.string().default('manual'),
});

/** What is wrong with the settings of payments, payouts, mail, SMS and push. */
function problemsOf(
  { providers, transfers, mailer, sms, push }: ReturnType<HealthDeps['settings']>,
  { rails, payout_provider: sender }: z.infer<typeof healthFacts>,
): string[] {
  const unpaid = transfers === null && sender !== 'manual';
  return [
    ...providers.problems(rails),
    ...(unpaid ? [`${sender} is to send transfers, and its payout channel has no settings.`] : []),
    ...[transfers?.problem, mailer.problem, sms?.problem].filter((problem) => problem !== undefined),
    ...push.problems,
  ];
}

/**
 * GET /health: whether functions and database answer, whether the settings of all functions are accepted, and
 * whether the outbox keeps up. Anybody may ask, so it says no more than that; the log names the refused
 * settings. 200 while bookings work, 503 when they cannot. `degraded` when a rail or mail has no good settings,
 * because everything else works.
 */
export function handle({ http, db, settings }: HealthDeps): (request: Request) => Promise<Response> {
  const read = endpoint({
    methods: ['GET'],
    path: '/',
    auth: 'none',
    async run({ trace, note }) {
      let set: ReturnType<HealthDeps['settings']>;
      try {
        set = settings();
      } catch (error) {
        note({ error: String(error) });
        const body = { status: 'down', settings: 'refused', database: 'unknown', outbox: null };
        return Response.json(body, { status: 503 });
      }
      try {
        const facts = await db.service(trace).call('health_facts', {}, healthFacts);
        const outbox = { due: facts.outbox_due, dead: facts.outbox_dead };
        const problems = problemsOf(set, facts);
        if (problems.length > 0) note({ problems });
        const status = outbox.dead > 0 || problems.length > 0 ? 'degraded' : 'ok';
        return { status, settings: problems.length > 0 ? 'incomplete' : 'ok', database: 'ok', outbox };
      } catch (error) {
        note({ error: String(error instanceof Error && error.cause ? error.cause : error) });
        const body = { status: 'down', settings: 'ok', database: 'unreachable', outbox: null };
        return Response.json(body, { status: 503 });
      }
    },
  });
  return serveEndpoints('health', [read], http);
}
