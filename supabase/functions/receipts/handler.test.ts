import { describe, expect, it } from 'vitest';
import { errorOf, fakeOutside, user } from '../../../tests/support/fakes.ts';
import { receipt } from '../../../tests/support/receipts.ts';
import { appError } from '../_shared/errors.ts';
import { handle } from './handler.ts';

const id = '6f1c2d3e-0000-4000-8000-0000000000b1';
const found = (): unknown => ({ id, content: receipt() });
const get = (path: string, answer = found, token = user.token) => {
  const outside = fakeOutside({ receipt: answer });
  const headers = { authorization: `Bearer ${token}` };
  const asked = handle(outside.deps)(new Request(`http://x/receipts/${path}`, { headers }));
  return asked.then((response) => ({ response, outside }));
};

describe('GET /receipts/:id', () => {
  it('answers a page that runs and loads nothing, read as the user', async () => {
    const { response, outside } = await get(id);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(await response.text()).toContain('R2026-000042');
    expect(outside.calls).toMatchObject([{ as: user.id, name: 'receipt', args: { receipt_id: id } }]);
  });

  it('is not found for other people, without a user, or with an id that is no UUID', async () => {
    const none = await get(id, () => {
      throw appError('receipt_not_found');
    });
    expect(await errorOf(none.response)).toMatchObject({ code: 'receipt_not_found', status: 404 });
    expect((await get(id, found, 'forged')).response.status).toBe(401);
    const bad = await get('42');
    expect(await errorOf(bad.response)).toMatchObject({ code: 'invalid_input', details: { field: 'id' } });
    expect(bad.outside.calls).toEqual([]);
  });
});
