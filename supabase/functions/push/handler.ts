import type { Deps } from '../_shared/deps.ts';
import { appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';

/**
 * GET /push/web-key: the public key with which a browser subscribes to web push, `{key}`. It is no secret, and a service
 * worker may need it without a session.
 */
export function handle({ http, push }: Pick<Deps, 'http' | 'push'>): (request: Request) => Promise<Response> {
  const webKey = endpoint({
    methods: ['GET'],
    path: '/web-key',
    auth: 'none',
    errors: ['web_push_unavailable'],
    async run() {
      const key = push.webPushKey;
      if (key === null) throw appError('web_push_unavailable');
      return { key };
    },
  });
  return serveEndpoints('push', [webKey], http);
}
