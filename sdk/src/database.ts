import type { Answer, Shape } from './core/shapes.ts';
import type { callKinds } from './generated/calls.ts';
import type { Functions, Relationships, Tables } from './generated/database.ts';
import type { ProfileChanges } from './profiles.ts';

/** As an alias: supabase-js takes no interface for a row. */
type Plain<Row> = { [Column in keyof Row]: Row[Column] };
type Nothing = Record<never, never>;
type IdempotencyKey<Name extends keyof Functions> = (typeof callKinds)[Name &
  keyof typeof callKinds] extends 'keyed'
  ? { idempotency_key: string }
  : Nothing;

/**
 * The schema as supabase-js takes it, so that queries through `journey.supabase` are typed: the tables and columns that
 * apps may read, what they may write, and the functions they may call. Where a table keeps columns back, name the
 * columns; `*` is refused.
 */
export interface Database {
  public: {
    Tables: {
      [Name in keyof Tables]: {
        Row: Plain<Shape<Name>>;
        // Apps write by functions; the caller's profile alone is written directly.
        Insert: Record<string, never>;
        Update: Name extends 'profiles' ? Plain<ProfileChanges> : Record<string, never>;
        Relationships: Name extends keyof Relationships ? Relationships[Name] : [];
      };
    };
    Views: Nothing;
    Functions: {
      [Name in keyof Functions]: {
        Args: Plain<Functions[Name]['args'] & IdempotencyKey<Name>>;
        Returns: Answer<Name>;
      };
    };
    Enums: Nothing;
    CompositeTypes: Nothing;
  };
}
