import type { CallOptions, Calls } from './core/calls.ts';
import type { Nullable } from './core/shapes.ts';
import type { Rows } from './generated/database.ts';
import type { MediaFiles } from './media.ts';
import type { Media } from './media-rows.ts';
import { type Result, succeed } from './result.ts';
import type { Timestamp, Uuid } from './values.ts';

/** One kind of thing that keeps an account from being deleted: an element of `details.blockers` of `account_in_use`. */
export interface AccountBlocker {
  /** `live_booking`, `open_payment`, `open_refund`, `open_payout`, `money_owed`, … */
  code: string;
  count: number;
  /** The first 20. */
  ids: Uuid[];
  /** What the person does about it. */
  message_en: string;
  message_vi: string;
}

/** What an account that was deleted answers. */
export interface DeletedAccount {
  deleted_at: Timestamp;
}

/** Where a person is signed in. `user_agent` and `ip` are null when Auth knows none. */
export interface AccountSession
  extends Nullable<Rows['my_sessions'], 'created_at' | 'last_active_at' | 'user_agent' | 'ip'> {}

/** One page of what is known about a person. */
export interface AccountDataPage {
  /** Changes when the form changes. */
  format: 'journey-export-1';
  exported_at: Timestamp;
  page: number;
  /** Whether the next page has more. */
  more: boolean;
  /** What Auth knows. */
  account: {
    id: Uuid;
    email: string | null;
    phone: string | null;
    created_at: Timestamp | null;
    last_sign_in_at: Timestamp | null;
  };
  /** Rows by the name of their table. */
  tables: Record<string, Record<string, unknown>[]>;
}

/** Everything that is known about a person. */
export interface AccountData extends Omit<AccountDataPage, 'page' | 'more'> {
  /** The person's files, with an address that works for an hour; null when the bytes are gone. */
  files: (Pick<Media, 'id' | 'purpose' | 'mime_type' | 'byte_size'> & { url: string | null })[];
}

/** The account itself: what is known of it, where it is signed in, and its end. */
export class Account {
  readonly #calls: Calls;
  readonly #media: MediaFiles;

  constructor(calls: Calls, media: MediaFiles) {
    this.#calls = calls;
    this.#media = media;
  }

  /** Where the person is signed in, the latest active first. */
  sessions(options?: CallOptions): Promise<Result<AccountSession[]>> {
    return this.#calls.rpc('my_sessions', {}, options);
  }

  /**
   * Signs out of one session on whatever device; for all others `journey.auth.signOut({ scope: 'others' })`. Its access
   * token is valid to its end, an hour at most, but opens no sensitive command.
   */
  endSession(sessionId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('end_session', { session_id: sessionId }, options);
  }

  /**
   * Everything that is known about the person, to be kept as a JSON file. Needs a step-up.
   * Errors: `invalid_input`, `step_up_required`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data } = await journey.account.export();
   * const file = JSON.stringify(data, null, 2);
   * ```
   */
  async export(options?: CallOptions): Promise<Result<AccountData>> {
    const tables: AccountDataPage['tables'] = {};
    for (let page = 0; ; page += 1) {
      const answer = await this.#calls.rpc('export_my_data', { page }, options);
      if (answer.error) return answer;
      for (const [name, rows] of Object.entries(answer.data.tables)) {
        tables[name] = [...(tables[name] ?? []), ...rows];
      }
      if (answer.data.more) continue;
      const media = ((tables.media ?? []) as unknown as Media[]).filter(({ status }) => status === 'ready');
      const urls = await this.#media.signedUrls(media, options);
      if (urls.error) return urls;
      const { format, exported_at, account } = answer.data;
      const files = media.map(({ id, purpose, mime_type, byte_size }, n) => ({
        id,
        purpose,
        mime_type,
        byte_size,
        url: urls.data[n] ?? null,
      }));
      return succeed({ format, exported_at, account, tables, files });
    }
  }

  /**
   * Deletes the account at once and for good, and ends all its sessions. Needs a step-up. `details.blockers` of
   * `account_in_use` is a list of {@link AccountBlocker}: all that is in the way.
   *
   * @example
   * ```ts
   * await journey.otp.send({ purpose: 'step_up' });
   * await journey.otp.verify({ purpose: 'step_up', code: '012345' });
   * const { error } = await journey.account.delete();
   * ```
   */
  async delete(options?: CallOptions): Promise<Result<DeletedAccount>> {
    const answer = await this.#calls.rpc('delete_account', {}, options);
    // the session has ended: only this device must still forget it
    if (answer.data) await this.#calls.client.auth.signOut({ scope: 'local' });
    return answer;
  }
}

declare module './core/shapes.ts' {
  interface Shapes {
    delete_account: DeletedAccount;
    export_my_data: AccountDataPage;
    my_sessions: AccountSession;
  }
}
