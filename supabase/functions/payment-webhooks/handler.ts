import { defaultMaxBytes, readText } from '../_shared/body.ts';
import type { Deps } from '../_shared/deps.ts';
import { appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { receiveNotification } from './receive.ts';

/**
 * GET or POST /payment-webhooks/<provider>: an event of a provider. The response has the provider's own form.
 * It says success only after the message is stored. When we fail, it makes the provider call again.
 */
export function handle({ http, db, providers }: Pick<Deps, 'http' | 'db' | 'providers'>) {
  const receive = endpoint({
    methods: ['GET', 'POST'],
    path: '/:provider',
    auth: 'none',
    async run({ request, url, params, trace, note }) {
      const provider = providers.get(params.provider ?? '');
      note({ provider: provider.name });
      try {
        const query = url.search.slice(1);
        if (query.length > defaultMaxBytes)
          throw appError('payload_too_large', { max_bytes: defaultMaxBytes });
        // both are stored in one text, with a line break between them
        const left = defaultMaxBytes - query.length - 1;
        const body = request.method === 'POST' ? await readText(request, left) : '';
        const { method, headers } = request;
        const outcome = await receiveNotification(
          provider,
          { method, query, body, headers },
          db.service(trace),
        );
        note({ outcome });
        return provider.respond(outcome);
      } catch (error) {
        const cause = error instanceof Error && error.cause !== undefined ? ` <- ${error.cause}` : '';
        note({ outcome: 'error', error: `${error}${cause}` });
        return provider.respond('error');
      }
    },
  });
  return serveEndpoints('payment-webhooks', [receive], http);
}
