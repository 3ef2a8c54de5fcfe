import type { Nullable } from './core/shapes.ts';
import type { Rows } from './generated/database.ts';
import type { Timestamp } from './values.ts';

/** The state of the caller's mail address. */
export interface MailState {
  /** Null without an address. */
  email: string | null;
  state: 'ok' | 'bounced' | 'complained';
  /** Null when it is ok. */
  since: Timestamp | null;
}

/** An address that takes no mail. `email` is null when nobody has it any more. */
export interface Suppression extends Nullable<Rows['list_suppressions'], 'user_id' | 'email' | 'detail'> {}

declare module './core/shapes.ts' {
  interface Shapes {
    list_suppressions: Suppression;
  }
}
