import type { Nullable } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';

/** One reason of a credit score: what happened, its points, and the score as it was then. */
export interface TrustEvent extends Nullable<Rows['trust_history'], 'voids'> {}

/** Why a person is suspended, and until when. `until` null: until an admin ends it. */
export type Suspension = Tables['user_suspensions'];

declare module './core/shapes.ts' {
  interface Shapes {
    trust_history: TrustEvent;
  }
}
