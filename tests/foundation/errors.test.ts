import { describe, expect, it } from 'vitest';
import { fromPostgrest } from '../../supabase/functions/_shared/errors.ts';

describe('a failed call of the database', () => {
  it('passes what a command raised, with its code, status and details', () => {
    const error = fromPostgrest(
      {
        code: 'PT409',
        message: 'The vehicle is taken.',
        details: '{"code":"vehicle_unavailable","a":1}',
        hint: null,
      },
      409,
    );
    expect(error).toMatchObject({
      code: 'vehicle_unavailable',
      status: 409,
      retryable: false,
      details: { a: 1 },
    });
    expect(error.message).toBe('The vehicle is taken.');
    const limited = { code: 'PT429', message: '', details: '{"code":"rate_limited","retry_after":3}' };
    expect(fromPostgrest(limited, 429)).toMatchObject({ retryable: true, details: { retry_after: 3 } });
  });

  it('passes codes that are newer than the functions', () => {
    const failure = { code: 'PT418', message: 'New.', details: '{"code":"brand_new"}' };
    expect(fromPostgrest(failure, 418)).toMatchObject({ code: 'brand_new', status: 418, retryable: false });
  });

  it('says nothing of what it does not know', () => {
    const secret = {
      code: '23505',
      message: 'duplicate key value violates "secret_table"',
      details: 'Key (a)=(b)',
    };
    const error = fromPostgrest(secret, 409);
    expect(error).toMatchObject({ code: 'internal', status: 500, details: {} });
    expect(error.message).not.toContain('secret');
    expect(String(error.cause)).toContain('23505');
    expect(fromPostgrest({ code: '42501' }, 403)).toMatchObject({ code: 'forbidden' });
    expect(fromPostgrest({ code: 'PGRST301' }, 401)).toMatchObject({ code: 'unauthenticated' });
    expect(fromPostgrest({ code: 'PT409', details: 'no json' }, 409)).toMatchObject({ code: 'internal' });
  });
});
