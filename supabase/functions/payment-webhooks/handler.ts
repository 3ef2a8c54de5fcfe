import type { Deps } from '../_shared/deps.ts';
import type { AppError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { readMessage } from './read-message.ts';
import { keepUnverified, receiveNotification } from './receive.ts';

/**
 * GET or POST /payment-webhooks/<provider>: an event of a provider. The response has the provider's own form.
 * It says success only after the message is stored. When we fail, it makes the provider call again. Bytes that are
 * no message of any provider get our own error.
 */
export function handle({ http, db, providers }: Pick<Deps, 'http' | 'db' | 'providers'>) {
  const receive = endpoint({
    methods: ['GET', 'POST'],
    path: '/:provider',
    auth: 'none',
    async run({ request, url, params, trace, note }) {
      const provider = providers.get(params.provider ?? '');
      note({ provider: provider.name });
      let refusal: AppError;
      try {
        const message = await readMessage(request, url.search.slice(1));
        const { method, headers } = request;
        const service = db.service(trace);
        if (message.refusal === null) {
          const outcome = await receiveNotification(provider, { method, ...message, headers }, service);
          note({ outcome });
          return provider.respond(outcome);
        }
        await keepUnverified(provider.name, { ...message, headers }, service);
        refusal = message.refusal;
      } catch (error) {
        const cause = error instanceof Error && error.cause !== undefined ? ` <- ${error.cause}` : '';
        note({ outcome: 'error', error: `${error}${cause}` });
        return provider.respond('error');
      }
      throw refusal;
    },
  });
  return serveEndpoints('payment-webhooks', [receive], http);
}
