import type { Rows, Tables } from './generated/database.ts';

/** A key by which a partner's server acts for an account. The key itself is shown once, by `apiKeys.create`. */
export type ApiKey = Tables['api_keys'];

/** A key as it was created. */
export interface NewApiKey extends ApiKey {
  /** The key itself: keep it where secrets are kept. Null when the call was a repeat, because it is shown once. */
  api_key: string | null;
}

/** Something that a key can be allowed to do. */
export type ApiScope = Rows['api_scopes'];

declare module './core/shapes.ts' {
  interface Shapes {
    create_api_key: NewApiKey;
    revoke_api_key: ApiKey;
  }
}
