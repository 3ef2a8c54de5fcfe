import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import { requireUserId } from './core/rows.ts';
import type {
  AdminPayout,
  Balance,
  Bank,
  BankAccount,
  Payout,
  PayoutBatch,
  PayoutStatement,
  PayoutStatus,
} from './payouts-rows.ts';
import type { Result } from './result.ts';
import type { TransferClaim } from './transfers-rows.ts';
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

  /** The banks that a person can be paid at, by their short names. */
  banks(options?: CallOptions): Promise<Result<Bank[]>> {
    return this.#calls.rpc('banks', {}, options);
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
   * and its owner gets a mail. It needs a passed step-up (`otp.verify`), so that a stolen session gains nothing.
   * Errors: `step_up_required`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const account = { bankBin: '970436', accountNumber: '0011002233', holderName: 'NGUYEN VAN A' };
   * const options = { idempotencyKey: createIdempotencyKey() };
   * let { error } = await journey.payouts.setBankAccount(account, options);
   * if (error?.code === 'step_up_required') {
   *   await journey.otp.send({ purpose: 'step_up' });
   *   await journey.otp.verify({ purpose: 'step_up', code: await askForCode() });
   *   ({ error } = await journey.payouts.setBankAccount(account, options));
   * }
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
   * Removes it; what has not left yet waits for another. It needs a passed step-up.
   * Errors: `step_up_required`, `bank_account_not_found`.
   */
  removeBankAccount(options?: CallOptions): Promise<Result<BankAccount>> {
    return this.#calls.rpc('remove_bank_account', {}, options);
  }

  /**
   * Payouts of the signed-in person, newest first.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<Payout> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_payouts', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * What a payout is made of.
   * Errors: `payout_not_found`.
   */
  statement(payoutId: Uuid, options?: CallOptions): Promise<Result<PayoutStatement>> {
    return this.#calls.rpc('payout_statement', { payout_id: payoutId }, options);
  }
}

/** Payouts as people with the role `admin` run them: proposed in batches, approved, frozen, sent again. */
export class AdminPayouts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Batches, newest first; `proposed` are those in which a payout waits for approval, to look through with `list`, then
   * `approve`: also one approved before, when a payout of it was frozen and is no longer.
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.admin.payouts.batches({ status: 'proposed' });
   * ```
   */
  batches(
    { status, ...page }: { status?: PayoutBatch['status'] } & PageOptions = {},
    options?: CallOptions,
  ): List<PayoutBatch> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_payout_batches', { status, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Payouts, newest first: of one batch, in one state, of one host, or all. What one is made of gives
   * `payouts.statement`; whether an admin is transferring it by hand say `claimed_by` and `claimed_at`.
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.admin.payouts.list({ status: 'failed' });
   * for (const { id, failure_code } of page?.rows ?? []) show(id, failure_code);
   * ```
   */
  list(
    input: { batchId?: Uuid; status?: PayoutStatus; hostId?: Uuid } & PageOptions = {},
    options?: CallOptions,
  ): List<AdminPayout> {
    const { batchId, status, hostId, ...page } = input;
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc(
        'list_payouts',
        { batch_id: batchId, status, host_id: hostId, after, page_size },
        options,
      );
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Proposes payouts of everything that is due; it also happens daily by itself.
   * Errors: `forbidden`.
   */
  propose(options?: CallOptions): Promise<Result<PayoutBatch[]>> {
    return this.#calls.rpc('propose_payouts', {}, options);
  }

  /**
   * Sends a batch; frozen payouts stay. It needs a passed step-up.
   * Errors: `forbidden`, `payout_batch_not_found`, `step_up_required`.
   */
  approve(batchId: Uuid, options?: CallOptions): Promise<Result<PayoutBatch>> {
    return this.#calls.rpc('approve_payout_batch', { batch_id: batchId }, options);
  }

  /**
   * Freezes a payout that was not sent yet.
   * Errors: `forbidden`, `payout_not_found`, `invalid_input`, `illegal_transition`.
   */
  freeze(input: { payoutId: Uuid; reason: string }, options?: CallOptions): Promise<Result<Payout>> {
    const args = { payout_id: input.payoutId, reason: input.reason };
    return this.#calls.rpc('freeze_payout', args, options);
  }

  /**
   * Ends the freeze of one payout.
   * Errors: `forbidden`, `payout_not_found`, `illegal_transition`, `transfer_claimed`, `money_frozen`,
   * `bank_account_required`.
   */
  unfreeze(payoutId: Uuid, options?: CallOptions): Promise<Result<Payout>> {
    return this.#calls.rpc('unfreeze_payout', { payout_id: payoutId }, options);
  }

  /**
   * Sends a failed payout again.
   * Errors: `forbidden`, `payout_not_found`, `illegal_transition`, `transfer_claimed`, `money_frozen`,
   * `bank_account_required`.
   */
  retry(payoutId: Uuid, options?: CallOptions): Promise<Result<Payout>> {
    return this.#calls.rpc('retry_payout', { payout_id: payoutId }, options);
  }

  /**
   * Returns the money to the host's balance. Release your claim of it first.
   * Errors: `forbidden`, `payout_not_found`, `illegal_transition`, `transfer_claimed`.
   */
  cancel(payoutId: Uuid, options?: CallOptions): Promise<Result<Payout>> {
    return this.#calls.rpc('cancel_payout', { payout_id: payoutId }, options);
  }

  /**
   * Claims a payout that you are about to transfer by hand, as `admin.refunds.claimManual` does for
   * refunds. For a day no provider sends it, and no other admin claims or records it.
   * Errors: `forbidden`, `payout_not_found`, `already_paid`, `transfer_claimed`, `illegal_transition`.
   */
  claimManual(payoutId: Uuid, options?: CallOptions): Promise<Result<TransferClaim>> {
    return this.#calls.rpc('claim_manual_payout', { payout_id: payoutId }, options);
  }

  /**
   * Ends your claim of a payout that you did not transfer after all; it goes on as before.
   * Errors: `forbidden`, `payout_not_found`, `transfer_claimed`.
   */
  releaseManual(payoutId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('release_manual_payout', { payout_id: payoutId }, options);
  }

  /**
   * Records that you paid a payout by a transfer, which ends its claim. Claim it before you make the
   * transfer. When it was paid already, `details` is a `PaidTransfer`.
   * Errors: `forbidden`, `payout_not_found`, `already_paid`, `transfer_claimed`, `illegal_transition`,
   * `invalid_input`.
   */
  recordManual(
    input: { payoutId: Uuid; bankReference: string },
    options?: CallOptions,
  ): Promise<Result<Payout>> {
    const args = { payout_id: input.payoutId, bank_reference: input.bankReference };
    return this.#calls.rpc('record_manual_payout', args, options);
  }

  /**
   * Records how a payout ended that is `processing` and that its provider does not report, from what the
   * provider's own pages show. A payout that failed can be retried, or paid by hand.
   * Errors: `forbidden`, `payout_not_found`, `illegal_transition`, `invalid_input`.
   */
  settle(
    input: { payoutId: Uuid; note: string } & (
      | { outcome: 'succeeded'; providerPayoutId: string }
      | { outcome: 'failed' }
    ),
    options?: CallOptions,
  ): Promise<Result<Payout>> {
    const args = {
      payout_id: input.payoutId,
      outcome: input.outcome,
      provider_payout_id: input.outcome === 'succeeded' ? input.providerPayoutId : null,
      note: input.note,
    };
    return this.#calls.rpc('settle_payout', args, options);
  }

  /**
   * Records that a bank gave a paid payout back: its amount is available to the host again, who is told. Give `unmatchedId` when
   * the money came into the platform's bank account and waits in `admin.unmatched`, and nothing when the provider has it. The
   * account is removed, so that the host adds another, unless `keepsAccount` is true. The session needs a passed step-up.
   * Safe to repeat.
   * Errors: `forbidden`, `payout_not_found`, `step_up_required`, `unmatched_not_found`, `illegal_transition`,
   * `invalid_input`.
   */
  recordReturn(
    input: { payoutId: Uuid; note: string; unmatchedId?: Uuid; keepsAccount?: boolean },
    options?: CallOptions,
  ): Promise<Result<Payout>> {
    const { payoutId, note, unmatchedId, keepsAccount } = input;
    const args = { payout_id: payoutId, note, unmatched_id: unmatchedId, keeps_account: keepsAccount };
    return this.#calls.rpc('record_returned_payout', args, options);
  }
}
