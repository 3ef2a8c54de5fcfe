import { z } from 'zod';
import type { Deps } from '../_shared/deps.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';

const samples = z.array(
  z.object({
    name: z.string().regex(/^[a-z_]+$/),
    kind: z.enum(['gauge', 'counter']),
    help: z.string(),
    labels: z.record(z.string().regex(/^[a-z_]+$/), z.string()),
    // a numeric, which not every server writes as a number
    value: z.coerce.number(),
  }),
);

/** One sample of a metric, as the database answers it. */
export type MetricSample = z.infer<typeof samples>[number];

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

/** The text that Prometheus reads (text format 0.0.4): each metric once with its help, then its samples. */
export function metricsText(found: readonly MetricSample[]): string {
  const byName = new Map<string, MetricSample[]>();
  for (const sample of found) byName.set(sample.name, [...(byName.get(sample.name) ?? []), sample]);
  return [...byName]
    .flatMap(([name, of]) => [
      `# HELP ${name} ${escaped(of[0]?.help ?? '')}`,
      `# TYPE ${name} ${of[0]?.kind}`,
      ...of.map(({ labels, value }) => {
        const parts = Object.entries(labels).map(
          ([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`,
        );
        return `${name}${parts.length > 0 ? `{${parts.join(',')}}` : ''} ${value}`;
      }),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/**
 * GET /metrics: the state of the system in the text format of Prometheus. For the service with its secret key, and for
 * anybody with METRICS_TOKEN as a bearer token.
 */
export function handle({
  http,
  db,
  metricsToken,
}: Pick<Deps, 'http' | 'db' | 'metricsToken'>): (request: Request) => Promise<Response> {
  const read = endpoint({
    methods: ['GET'],
    path: '/',
    auth: 'secret',
    async run({ trace }) {
      const found = await db.service(trace).call('metrics', {}, samples);
      return new Response(metricsText(found), {
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      });
    },
  });
  const secretKeys = metricsToken === null ? http.secretKeys : [...http.secretKeys, metricsToken];
  return serveEndpoints('metrics', [read], { ...http, secretKeys });
}
