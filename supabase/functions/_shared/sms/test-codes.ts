import { z } from 'zod';
import type { Env } from '../env.ts';

const schema = z.record(
  z.string().regex(/^(\+[1-9][0-9]{6,14}|[^@\s]+@[^@\s]+)$/),
  z.string().regex(/^[0-9]{6}$/),
);

/**
 * Codes that are known beforehand, for those who review the app in a store: their phones get no message. Throws in
 * production, where anybody who knows such a code could take over the account of its address.
 */
export function readTestCodes(env: Pick<Env, 'OTP_TEST_CODES' | 'JOURNEY_ENV'>): ReadonlyMap<string, string> {
  const text = env.OTP_TEST_CODES?.trim() ?? '';
  if (text === '') return new Map();
  if (env.JOURNEY_ENV === 'production') throw new Error('OTP_TEST_CODES must not be set in production.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const codes = schema.safeParse(value);
  if (!codes.success) {
    throw new Error(
      'OTP_TEST_CODES must be a JSON object of E.164 numbers or mail addresses and six digits.',
    );
  }
  return new Map(Object.entries(codes.data));
}
