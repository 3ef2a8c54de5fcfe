import type { CallOptions, Calls } from './core/calls.ts';
import { firstOr, requireUserId } from './core/rows.ts';
import type { Profile, PublicProfile } from './profiles-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** What a person may change of the own profile; column names as in {@link Profile}. */
export type ProfileChanges = Partial<
  Pick<Profile, 'display_name' | 'bio' | 'locale' | 'time_zone' | 'avatar_media_id'>
>;

/** Own profile, and what is public of others. */
export class Profiles {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The signed-in user's profile.
   * Errors: `not_found`.
   */
  async me(options?: CallOptions): Promise<Result<Profile>> {
    const user = await requireUserId(this.#calls, options);
    if (user.error) return user;
    const rows = await this.#calls.table<Profile[]>(
      'read',
      (client) => client.from('profiles').select('*').eq('id', user.data),
      options,
    );
    return firstOr(rows, 'not_found', options);
  }

  /**
   * Changes the own profile. `avatar_media_id` names an upload of purpose `avatar`; the
   * former avatar is deleted.
   * Errors: `invalid_input`, `media_not_found`, `media_not_ready`, `not_found`.
   *
   * @example `await journey.profiles.update({ display_name: 'Lan', locale: 'vi' })`
   */
  async update(changes: ProfileChanges, options?: CallOptions): Promise<Result<Profile>> {
    const user = await requireUserId(this.#calls, options);
    if (user.error) return user;
    const rows = await this.#calls.table<Profile[]>(
      'repeatable',
      (client) => client.from('profiles').update(changes).eq('id', user.data).select('*'),
      options,
      changes,
    );
    return firstOr(rows, 'not_found', options);
  }

  /**
   * What anybody may see of a person.
   * Errors: `not_found`.
   */
  async get(userId: Uuid, options?: CallOptions): Promise<Result<PublicProfile>> {
    return firstOr(await this.#calls.rpc('public_profile', { id: userId }, options), 'not_found', options);
  }
}
