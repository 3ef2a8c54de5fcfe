import type { AuthChangeEvent, Session, User } from '@supabase/supabase-js';
import type { CallOptions, Calls, Try } from './core/calls.ts';
import { authFailure } from './core/failure.ts';
import type { Result } from './result.ts';

/** What Turnstile or hCaptcha gave the app. Needed when the project asks for it (Auth, Attack Protection). */
export interface Captcha {
  captchaToken?: string;
}

/** A new account. */
export interface SignUp extends Captcha {
  email: string;
  password: string;
  /** 1 to 80 characters; what other people see. */
  displayName: string;
  /** Language of mails and notifications. Default `vi`. */
  locale?: 'vi' | 'en';
}

/** What an account is signed in by. A phone number is in E.164 form, such as +84912345678, and one that a code proved. */
export type SignInAddress = { email: string } | { phone: string };

/** Who is signed in: Supabase Auth with this package's results. For OAuth and MFA use `journey.supabase.auth`. */
export class Auth {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Creates an account and its profile. `session` is null when the address must be confirmed first.
   * Errors: `invalid_input` (`details.reason`: `user_already_exists`, `weak_password`, …), `rate_limited`.
   *
   * @example `await journey.auth.signUp({ email, password, displayName: 'Lan' })`
   */
  signUp(input: SignUp, options?: CallOptions): Promise<Result<{ user: User; session: Session | null }>> {
    const { email, password, displayName, locale, captchaToken } = input;
    return this.#run<{ user: User; session: Session | null }>('once', options, async () => {
      const { data, error } = await this.#calls.client.auth.signUp({
        email,
        password,
        options: {
          data: { display_name: displayName, ...(locale ? { locale } : {}) },
          ...(captchaToken ? { captchaToken } : {}),
        },
      });
      if (error) return { failure: authFailure(error) };
      if (!data.user) return { failure: authFailure({ message: 'Sign-up gave no user.', status: 500 }) };
      return { data: { user: data.user, session: data.session } };
    });
  }

  /**
   * Signs in with a mail address, or with the phone number that the account has proved (`otp`, purpose `verify_phone`).
   * Errors: `unauthenticated` (wrong address or password), `rate_limited`.
   *
   * @example `await journey.auth.signIn({ email, password })`
   */
  signIn(
    input: SignInAddress & Captcha & { password: string },
    options?: CallOptions,
  ): Promise<Result<{ user: User; session: Session }>> {
    return this.#run<{ user: User; session: Session }>('repeatable', options, async () => {
      const { captchaToken, ...rest } = input;
      const { data, error } = await this.#calls.client.auth.signInWithPassword({
        ...rest,
        ...(captchaToken ? { options: { captchaToken } } : {}),
      });
      return error ? { failure: authFailure(error) } : { data: { user: data.user, session: data.session } };
    });
  }

  /**
   * Sends a code to sign in with, and begins an account where there is none, unless `createsAccount` is false. An account that
   * begins with a phone number has it in its profile; it can add a mail address and a password later.
   * Errors: `invalid_input`, `rate_limited`, `sms_unavailable`.
   *
   * @example
   * ```ts
   * await journey.auth.sendCode({ phone: '+84912345678', displayName: 'Lan' });
   * const { data, error } = await journey.auth.signInWithCode({ phone: '+84912345678', code: await askForCode() });
   * ```
   */
  sendCode(
    input: SignInAddress & Captcha & { displayName?: string; locale?: 'vi' | 'en'; createsAccount?: boolean },
    options?: CallOptions,
  ): Promise<Result<null>> {
    const { displayName, locale, createsAccount = true, captchaToken, ...address } = input;
    const data = { ...(displayName ? { display_name: displayName } : {}), ...(locale ? { locale } : {}) };
    return this.#run<null>('once', options, async () => {
      const { error } = await this.#calls.client.auth.signInWithOtp({
        ...address,
        options: { data, shouldCreateUser: createsAccount, ...(captchaToken ? { captchaToken } : {}) },
      });
      return error ? { failure: authFailure(error) } : { data: null };
    });
  }

  /**
   * Signs in with a code that `sendCode` sent. Errors: `code_expired` (wrong, used or too old), `rate_limited`.
   */
  signInWithCode(
    input: SignInAddress & { code: string },
    options?: CallOptions,
  ): Promise<Result<{ user: User; session: Session }>> {
    const { code: token, ...address } = input;
    return this.#run<{ user: User; session: Session }>('once', options, async () => {
      const { data, error } = await this.#calls.client.auth.verifyOtp(
        'phone' in address ? { ...address, token, type: 'sms' } : { ...address, token, type: 'email' },
      );
      if (error) return { failure: authFailure(error) };
      if (!data.user || !data.session)
        return { failure: authFailure({ message: 'The code gave no session.', status: 500 }) };
      return { data: { user: data.user, session: data.session } };
    });
  }

  /** Ends the session of this device (or of all: `scope: 'global'`). */
  signOut(
    input: { scope?: 'local' | 'global' | 'others' } = {},
    options?: CallOptions,
  ): Promise<Result<null>> {
    return this.#run<null>('repeatable', options, async () => {
      const { error } = await this.#calls.client.auth.signOut({ scope: input.scope ?? 'local' });
      return error ? { failure: authFailure(error) } : { data: null };
    });
  }

  /** Sets a new password for the signed-in user. Errors: `unauthenticated`, `invalid_input`. */
  updatePassword(password: string, options?: CallOptions): Promise<Result<User>> {
    return this.#run<User>('repeatable', options, async () => {
      const { data, error } = await this.#calls.client.auth.updateUser({ password });
      return error ? { failure: authFailure(error) } : { data: data.user };
    });
  }

  /** The session at hand, refreshed when it is about to end; null when nobody is signed in. */
  session(options?: CallOptions): Promise<Result<Session | null>> {
    return this.#run<Session | null>('read', options, async () => {
      const { data, error } = await this.#calls.client.auth.getSession();
      return error ? { failure: authFailure(error) } : { data: data.session };
    });
  }

  /**
   * Calls the listener at every change: signed in, signed out, token refreshed. Returns a function that stops
   * it. DO NOT call `journey.auth` inside the listener; do it after it returned.
   */
  onChange(listener: (event: AuthChangeEvent, session: Session | null) => void): () => void {
    const { data } = this.#calls.client.auth.onAuthStateChange(listener);
    return () => data.subscription.unsubscribe();
  }

  #run<T>(
    kind: 'read' | 'repeatable' | 'once',
    options: CallOptions | undefined,
    attempt: () => Promise<Try<T>>,
  ): Promise<Result<T>> {
    return this.#calls.run<T>({ kind, options }, attempt);
  }
}
