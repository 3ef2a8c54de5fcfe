import type { Functions, Rows } from './generated/database.ts';
import type { Uuid } from './values.ts';

/** What is searched, as the backend keeps it: arguments of `search_vehicles`. */
export type SearchCriteria = Functions['vehicle_facets']['args'];

/** A search that the signed-in person keeps. */
export interface SavedSearch extends Omit<Rows['my_saved_searches'], 'criteria'> {
  criteria: SearchCriteria;
}

declare module './core/shapes.ts' {
  interface Shapes {
    my_saved_searches: SavedSearch;
    save_search: { id: Uuid };
  }
}
