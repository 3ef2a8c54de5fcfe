import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import type { SavedSearch } from './saved-searches-rows.ts';
import type { Uuid } from './values.ts';
import { filterArgs, type VehicleFilters } from './vehicles.ts';
import type { VehicleHit } from './vehicles-rows.ts';

/** Searches that the signed-in person saves, to run them again and to get alerts. */
export class SavedSearches {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Saves a search with a name of 1 to 80 characters. With `alerts` (the default), the person gets a notification when a
   * matching vehicle becomes free.
   * Errors: `invalid_input`, `unknown_field`, `too_many_saved_searches` (details.limit), `period_invalid`,
   * `period_in_past`, `period_too_long`.
   *
   * @example
   * ```ts
   * const search = { lat: 16.05, lng: 108.2, radiusM: 20_000, startsAt, endsAt, minSeats: 7 };
   * await journey.savedSearches.save({ name: 'Đà Nẵng, 7 seats', search });
   * ```
   */
  save(
    input: { name: string; search: VehicleFilters; alerts?: boolean },
    options?: CommandOptions,
  ): Promise<Result<{ id: Uuid }>> {
    const args = { name: input.name, criteria: filterArgs(input.search), alerts: input.alerts };
    return this.#calls.rpc('save_search', args, options);
  }

  /**
   * The saved searches, newest first.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<SavedSearch> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_saved_searches', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * What a saved search finds now, the nearest first.
   * Errors: `invalid_input`, `period_invalid`, `period_in_past`, `period_too_long`, `rate_limited`.
   */
  run(
    { criteria, ...page }: Pick<SavedSearch, 'criteria'> & PageOptions,
    options?: CallOptions,
  ): List<VehicleHit> {
    const read = (page_size: number, place?: Pick<VehicleHit, 'cursor'>) =>
      this.#calls.rpc('search_vehicles', { ...criteria, after: place?.cursor, page_size }, options);
    return readList({ by: ['cursor'], longest: 50, read }, page, options);
  }

  /**
   * Turns the alerts of a saved search on or off.
   * Errors: `saved_search_not_found`, `invalid_input`.
   */
  setAlerts(searchId: Uuid, alerts: boolean, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('set_search_alerts', { search_id: searchId, alerts }, options);
  }

  /** Deletes a saved search. */
  delete(searchId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('delete_saved_search', { search_id: searchId }, options);
  }
}
