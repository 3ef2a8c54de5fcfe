import type { CallOptions, Calls } from './core/calls.ts';
import type { Result } from './result.ts';
import type { Timestamp } from './values.ts';

/** What a signed-in person proves with a code. */
export type OtpRequest =
  | { purpose: 'verify_email' }
  /** A mobile number as people write it: `0912 345 678`, `+84912345678`. */
  | { purpose: 'verify_phone'; phone: string }
  /** Where the code goes: the mail address of the account (default) or its verified phone. */
  | { purpose: 'step_up'; channel?: 'email' | 'sms' };

/** Whose password is to be reset: a mail address or a verified phone number. */
export type ResetTarget = { email: string } | { phone: string };

/** A code is on its way. The same is answered when there is no such account. */
export interface OtpSent {
  channel: 'email' | 'sms';
  /** The code works until then. */
  expires_at: Timestamp;
  /** The next one can be requested from then on. */
  resend_at: Timestamp;
}

/** One-time codes of six digits, by mail or SMS. A code works for 5 minutes, and 5 tries count together. */
export class Otp {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Sends a code to the signed-in person. The code in hand works until the new one was sent. A phone receives later codes,
   * so `verify_phone` needs a passed `step_up` when the account has a mail address or a phone already.
   * Errors: `sms_unavailable`, `step_up_required`, `invalid_input`.
   */
  send(request: OtpRequest, options?: CallOptions): Promise<Result<OtpSent>> {
    return this.#calls.invoke('once', 'otp/send', { ...request }, options);
  }

  /**
   * Enters a code. A passed `step_up` opens sensitive commands to this session for 10 minutes.
   * Errors: `code_wrong`, `code_expired`, `phone_taken`, `step_up_required`, `invalid_input`.
   *
   * @example
   * ```ts
   * // a command was refused with `step_up_required`
   * await journey.otp.send({ purpose: 'step_up' });
   * const { error } = await journey.otp.verify({ purpose: 'step_up', code: await askForCode() });
   * // `code_wrong` has details.tries_left; without an error, call the command again within 10 minutes
   * ```
   */
  verify(
    request: OtpRequest & { code: string },
    options?: CallOptions,
  ): Promise<Result<{ purpose: string }>> {
    return this.#calls.invoke('once', 'otp/verify', { ...request }, options);
  }

  /**
   * Sends a code to somebody who cannot sign in. The answer is the same whether or not the account exists.
   * Errors: `sms_unavailable`, `invalid_input`.
   */
  sendReset(target: ResetTarget & { locale?: 'vi' | 'en' }, options?: CallOptions): Promise<Result<OtpSent>> {
    return this.#calls.invoke('once', 'otp/reset/send', { ...target }, options);
  }

  /**
   * Sets a new password by a code, and ends all sessions of the account. After `password_refused` the same code takes
   * another password.
   * Errors: `code_wrong`, `code_expired`, `password_refused`, `invalid_input`.
   */
  resetPassword(
    reset: ResetTarget & { code: string; password: string },
    options?: CallOptions,
  ): Promise<Result<{ reset: boolean }>> {
    return this.#calls.invoke('once', 'otp/reset/confirm', { ...reset }, options);
  }
}
