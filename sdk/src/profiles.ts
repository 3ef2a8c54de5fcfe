import type { CallOptions, Calls } from './core/calls.ts';
import { type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import { firstOr, requireUserId } from './core/rows.ts';
import type { BillingDetails, Profile, PublicProfile } from './profiles-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** What people may change of their profile; column names as in {@link Profile}. */
export type ProfileChanges = Partial<
  Pick<
    Profile,
    | 'display_name'
    | 'bio'
    | 'locale'
    | 'time_zone'
    | 'avatar_media_id'
    | 'links'
    | 'shows_presence'
    | 'shares_read_marks'
    | 'allows_marketing'
    | 'is_findable'
  >
>;

/** Whom to look for. */
export interface UserSearch extends PageOptions {
  /** 2 to 80 characters in at most 8 words. */
  query: string;
}

/** To whom receipts are made out. */
export interface NewBillingDetails {
  /** Of the person or company, 2 to 200 characters. */
  legalName: string;
  /** 5 to 300 characters. */
  address: string;
  /** Mã số thuế: 10 digits, 13 of a branch, or the 12 of an identity card. Blanks, dots and hyphens do not matter. */
  taxCode?: string | null;
}

/** Own profile, what is public of others, and to whom receipts are made out. */
export class Profiles {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The signed-in user's profile, with the phone number and the preferences that nobody else reads.
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
   * Changes the caller's profile. `avatar_media_id` names an upload of purpose `avatar`; the
   * former avatar is deleted. `links` are at most one of each kind.
   * Errors: `illegal_transition`, `invalid_input`, `media_not_found`, `media_not_ready`, `rate_limited`,
   * `not_found`.
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

  /**
   * What anybody may see of up to 100 people, in the order of the ids. Who does not exist is left out.
   * Errors: `invalid_input`.
   */
  getMany(userIds: readonly Uuid[], options?: CallOptions): Promise<Result<PublicProfile[]>> {
    return this.#calls.rpc('get_users', { ids: [...userIds] }, options);
  }

  /**
   * People whose names have all these words or beginnings of words, with or without diacritics, in the order of the names.
   * Errors: `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.profiles.search({ query: 'nguyen' }); // Nguyễn Thị Ánh, …
   * ```
   */
  search({ query, ...page }: UserSearch, options?: CallOptions): List<PublicProfile> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('search_users', { q: query, after, page_size }, options);
    return readList({ by: ['display_name', 'user_id'], read }, page, options);
  }

  /** To whom the signed-in user's receipts are made out; null while nothing is set. */
  async billing(options?: CallOptions): Promise<Result<BillingDetails | null>> {
    const user = await requireUserId(this.#calls, options);
    if (user.error) return user;
    const rows = await this.#calls.table<BillingDetails[]>(
      'read',
      (client) => client.from('billing_details').select('*').eq('user_id', user.data),
      options,
    );
    return mapResult(rows, ([row]) => row ?? null);
  }

  /**
   * Sets to whom receipts are made out from now on. Issued ones stay as they are.
   * Errors: `invalid_input`, `rate_limited`.
   */
  setBilling(details: NewBillingDetails, options?: CallOptions): Promise<Result<BillingDetails>> {
    const { legalName: legal_name, address, taxCode: tax_code } = details;
    return this.#calls.rpc('set_billing_details', { legal_name, address, tax_code }, options);
  }

  /** Removes the billing details. Receipts are made out to the name on the profile from then on. */
  removeBilling(options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('remove_billing_details', {}, options);
  }
}
