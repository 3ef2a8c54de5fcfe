import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { type CreatedCursor, createdCursor, mapResult, type Page, readPage } from './core/pages.ts';
import { requireUserId } from './core/rows.ts';
import type { Balance, BankAccount, Payout, PayoutStatement } from './payouts-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** What a host has earned, where it goes, and what has been paid. */
export class Payouts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** What the signed-in person has earned as a host, one row per currency. */
  balance(options?: CallOptions): Promise<Result<Balance[]>> {
    return this.#calls.rpc('my_balance', {}, options);
  }

  /** The account in use, or null. */
  async bankAccount(options?: CallOptions): Promise<Result<BankAccount | null>> {
    const user = await requireUserId(this.#calls, options);
    if (user.error) return user;
    const rows = await this.#calls.table<BankAccount[]>(
      'read',
      (client) => client.from('bank_accounts').select().eq('user_id', user.data).is('removed_at', null),
      options,
    );
    return mapResult(rows, ([account]) => account ?? null);
  }

  /**
   * Sets where payouts and refunds by transfer go, in place of any account before. It is used from a day later,
   * and its owner gets a mail, so that a stolen session gains nothing.
   * Errors: `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * await journey.payouts.setBankAccount({ bankBin: '970436', accountNumber: '0011002233', holderName: 'NGUYEN VAN A' });
   * ```
   */
  setBankAccount(
    input: { bankBin: string; accountNumber: string; holderName: string },
    options?: CommandOptions,
  ): Promise<Result<BankAccount>> {
    const args = {
      bank_bin: input.bankBin,
      account_number: input.accountNumber,
      holder_name: input.holderName,
    };
    return this.#calls.rpc('set_bank_account', args, options);
  }

  /**
   * Removes it; what has not left yet waits for another.
   * Errors: `bank_account_not_found`.
   */
  removeBankAccount(options?: CallOptions): Promise<Result<BankAccount>> {
    return this.#calls.rpc('remove_bank_account', {}, options);
  }

  /**
   * Payouts of the signed-in person, newest first. `pageSize` is 1 to 100, default 20.
   * Errors: `invalid_input`.
   */
  list(
    input: { after?: CreatedCursor; pageSize?: number } = {},
    options?: CallOptions,
  ): Promise<Result<Page<Payout, CreatedCursor>>> {
    const { after, pageSize } = input;
    const read = (size: number) => this.#calls.rpc('my_payouts', { after, page_size: size }, options);
    return readPage({ pageSize, read, cursorOf: createdCursor }, options);
  }

  /**
   * What a payout is made of.
   * Errors: `payout_not_found`.
   */
  statement(payoutId: Uuid, options?: CallOptions): Promise<Result<PayoutStatement>> {
    return this.#calls.rpc('payout_statement', { payout_id: payoutId }, options);
  }
}
