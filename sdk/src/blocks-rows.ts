import type { Nullable } from './core/shapes.ts';
import type { Rows } from './generated/database.ts';

/** Somebody whom the signed-in person has blocked, and since when. An account that was deleted since has no name. */
export interface BlockedPerson extends Nullable<Rows['my_blocks'], 'display_name' | 'avatar_path'> {}

declare module './core/shapes.ts' {
  interface Shapes {
    my_blocks: BlockedPerson;
  }
}
