import type { SandboxAnswer } from '../answers.ts';

interface Refused {
  status?: number;
  type?: string;
  code?: string;
  param?: string;
  message: string;
  /**
   * Kept for the idempotency key, because the call had begun to work. Wrong parameters are refused before that.
   */
  kept?: boolean;
}

/** Stripe refuses the call. */
export class StripeRefusal extends Error {
  readonly refused: Refused;
  constructor(refused: Refused) {
    super(refused.message);
    this.refused = refused;
  }
}

/** Wrong or missing parameters. */
export function invalid(param: string, message: string, code?: string): StripeRefusal {
  return new StripeRefusal({ param, message, code });
}

/** No such object. */
export function missing(what: string, id: string): StripeRefusal {
  const param = what.includes('.') ? 'id' : what;
  return new StripeRefusal({
    status: 404,
    code: 'resource_missing',
    param,
    message: `No such ${what}: '${id}'`,
  });
}

/** Stripe's error body. */
export function refusalAnswer({ refused }: StripeRefusal): SandboxAnswer {
  const { status = 400, type = 'invalid_request_error', code, param, message } = refused;
  const doc_url = code === undefined ? undefined : `https://stripe.com/docs/error-codes/${code}`;
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ error: { code, doc_url, message, param, type } }, null, 2),
  };
}
