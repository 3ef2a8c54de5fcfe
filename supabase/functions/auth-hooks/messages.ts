import type { SendEmailHook } from '../_shared/contracts/auth-hooks.ts';

/** One mail that Auth asks for. */
export interface AuthMail {
  template: string;
  address: string;
  data: Record<string, string>;
}

const withCode = new Set(['signup', 'invite', 'magiclink', 'recovery', 'email', 'reauthentication']);

// Auth tells of these after the fact, without a code.
const notices: Record<string, string> = {
  phone_changed_notification: 'auth_phone_changed_notification',
  identity_linked_notification: 'auth_sign_in_changed_notification',
  identity_unlinked_notification: 'auth_sign_in_changed_notification',
  mfa_factor_enrolled_notification: 'auth_sign_in_changed_notification',
  mfa_factor_unenrolled_notification: 'auth_sign_in_changed_notification',
};

/** The mails of one call; none when something else tells of it already. Null for an action that is not known. */
export function mailsOf({ user, email_data: data }: SendEmailHook): AuthMail[] | null {
  const action = data.email_action_type;
  const link = (hash: string) => {
    const url = new URL(`${data.site_url.replace(/\/$/, '')}/verify`);
    url.search = new URLSearchParams({ token: hash, type: action, redirect_to: data.redirect_to }).toString();
    return url.href;
  };
  const to = (template: string, address: string | null | undefined, values: Record<string, string>) =>
    address ? [{ template, address, data: values }] : [];

  if (withCode.has(action)) {
    return to(`auth_${action}`, user.email, { code: data.token, link: link(data.token_hash) });
  }
  if (action === 'email_change') {
    const address = user.new_email ?? '';
    // The hashes are crossed: the current address gets `token` with `token_hash_new`. Without a second confirmation there
    // is one code alone, for the new address.
    if (data.token_hash_new === '') {
      return to('auth_email_change', address, {
        code: data.token,
        link: link(data.token_hash),
        new_email: address,
      });
    }
    return [
      ...to('auth_email_change', user.email, {
        code: data.token,
        link: link(data.token_hash_new),
        new_email: address,
      }),
      ...to('auth_email_change', address, {
        code: data.token_new,
        link: link(data.token_hash),
        new_email: address,
      }),
    ];
  }
  // triggers on the account tell of these, whichever way password and address were changed
  if (action === 'password_changed_notification' || action === 'email_changed_notification') return [];
  const notice = notices[action];
  return notice === undefined ? null : to(notice, user.email, {});
}
