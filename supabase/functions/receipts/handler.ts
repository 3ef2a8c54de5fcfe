import { z } from 'zod';
import { receiptRow } from '../_shared/contracts/receipts.ts';
import type { Deps } from '../_shared/deps.ts';
import { inputError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { receiptPage } from '../_shared/receipts/page.ts';

const headers = {
  'content-type': 'text/html; charset=utf-8',
  // the page runs nothing, loads nothing and sends nothing
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/**
 * GET /receipts/<id>: a receipt or credit note of the caller, as a page to show or print. The app fetches it
 * with the user's token and shows the text. A browser cannot open it by its address, and a hosted project
 * without its own domain serves HTML as plain text.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const read = endpoint({
    methods: ['GET'],
    path: '/:id',
    auth: 'user',
    errors: ['invalid_input'],
    async run({ params, user, trace, note }) {
      const id = z.uuid().safeParse(params.id);
      if (!id.success) throw inputError('id', 'must be a UUID');
      note({ receipt_id: id.data });
      const { content } = await db.asUser(user, trace).call('receipt', { receipt_id: id.data }, receiptRow);
      return new Response(receiptPage(content), { headers });
    },
  });
  return serveEndpoints('receipts', [read], http);
}
