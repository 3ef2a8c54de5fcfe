import type { ApiKey, ApiScope, NewApiKey } from './api-keys-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import {
  byCreation,
  type CreatedPlace,
  type List,
  newestFirst,
  type PageOptions,
  readList,
} from './core/pages.ts';
import { requireUserId } from './core/rows.ts';
import { readableColumns } from './generated/columns.ts';
import type { Result } from './result.ts';
import { type Instant, toTimestamp } from './time.ts';
import type { Uuid } from './values.ts';

/**
 * API keys, by which a partner's server acts for the signed-in person. To change one without a gap, create a second
 * key, let the partner use it, then revoke the first.
 */
export class ApiKeys {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** What a key can be allowed to do. */
  scopes(options?: CallOptions): Promise<Result<ApiScope[]>> {
    return this.#calls.rpc('api_scopes', {}, options);
  }

  /**
   * Creates a key; `api_key` of the answer is shown this once. The session needs a step-up code
   * (`otp.send({ purpose: 'step_up' })`, then `otp.verify`). The person is told by mail.
   * Errors: `step_up_required`, `invalid_input`, `too_many_api_keys`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: key } = await journey.apiKeys.create({
   *   name: 'Fleet software', scopes: ['vehicles:read', 'calendar:write'], expiresAt: new Date(Date.now() + 90 * 86_400_000),
   * });
   * if (key?.api_key) show(key.api_key);
   * ```
   */
  create(
    input: { name: string; scopes: string[]; expiresAt: Instant },
    options?: CommandOptions,
  ): Promise<Result<NewApiKey>> {
    const args = { name: input.name, scopes: input.scopes, expires_at: toTimestamp(input.expiresAt) };
    return this.#calls.rpc('create_api_key', args, options);
  }

  /**
   * The signed-in person's keys, newest first, also those that expired or were revoked.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<ApiKey> {
    const read = async (size: number, after?: CreatedPlace): Promise<Result<ApiKey[]>> => {
      const user = await requireUserId(this.#calls, options);
      if (user.error) return user;
      return this.#calls.table<ApiKey[]>(
        'read',
        (client) => {
          const rows = client.from('api_keys').select(readableColumns.api_keys).eq('user_id', user.data);
          return newestFirst(rows, size, after);
        },
        options,
      );
    };
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Ends a key at once. It needs no step-up code.
   * Errors: `not_found`.
   */
  revoke(keyId: Uuid, options?: CallOptions): Promise<Result<ApiKey>> {
    return this.#calls.rpc('revoke_api_key', { key_id: keyId }, options);
  }
}
