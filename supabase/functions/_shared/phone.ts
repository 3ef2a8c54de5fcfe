import { parsePhoneNumberFromString } from 'libphonenumber-js/mobile';

export interface Phone {
  /** E.164, such as `+84912345678`. */
  number: string;
  /** The calling code of its country, without `+`. */
  countryCode: string;
}

/**
 * The mobile number that a person wrote, or null when it is none. `0912 345 678`, `+84 912 345 678`, `84912345678` and
 * `0084912345678` are one number. Without a calling code it is a Vietnamese one.
 */
export function readPhone(text: string): Phone | null {
  // the digits of other scripts are digits too
  const phone = parsePhoneNumberFromString(text.normalize('NFKC'), 'VN');
  if (!phone?.isValid() || phone.ext !== undefined) return null;
  return { number: phone.number, countryCode: phone.countryCallingCode };
}
