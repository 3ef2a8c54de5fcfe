import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hmac, payoutText } from '../../local/sandbox/payos/sign.ts';
import { createTransfers } from '../../supabase/functions/_shared/payments/index.ts';
import {
  createPayosTransfers,
  payosTransfersConfig,
} from '../../supabase/functions/_shared/payments/payos/transfers.ts';
import type { TransferInput } from '../../supabase/functions/_shared/payments/transfers.ts';
import { type Rig, rateLimited, startRig } from './sandbox.ts';

let rig: Rig;
let orders = 0;

beforeAll(async () => {
  rig = await startRig('payos');
});
afterAll(() => rig.close());
beforeEach(() => rig.post('/payos/api/settings', { stepMs: 0, balance: 1_000_000_000 }));

function config() {
  const found = payosTransfersConfig(rig.env);
  if (found === null) throw new Error('the payout channel is not set up');
  return found;
}

/** The wrapper, over a connection that a test may bend. */
function transfers(fetcher: typeof fetch = fetch) {
  return createPayosTransfers(config(), { fetch: fetcher, now: Date.now });
}

function order(changes: Partial<TransferInput> = {}): TransferInput {
  orders += 1;
  return {
    requestKey: `payout-${orders}`,
    reference: `P261121${String(orders).padStart(8, '0')}`,
    amount: 4_200_000,
    currency: 'VND',
    bankBin: '970436',
    accountNumber: '0123456789',
    accountName: 'NGUYEN VAN A',
    message: 'JOURNEY P26112100000001',
    transferId: null,
    ...changes,
  };
}

interface Sent {
  referenceId: string;
  state: string;
  orderedAt: number;
}

/** What has left, is leaving or came back, for an order. */
async function sent(input: TransferInput): Promise<Sent[]> {
  const all = (await (await fetch(`${rig.url}/payos/api/transfers`)).json()) as Sent[];
  return all.filter(({ referenceId }) => referenceId === input.reference);
}

const succeeded = { known: true, status: 'succeeded', code: 'SUCCEEDED' };

describe('a transfer', () => {
  it('is received, then with the bank, then paid', async () => {
    await rig.post('/payos/api/settings', { stepMs: 60_000 });
    const input = order();
    const received = await transfers().send(input);
    expect(received).toMatchObject({ known: true, status: 'processing', code: 'RECEIVED' });
    const transferId = received.known ? received.refundId : null;
    expect(transferId).toMatch(/^batch_/);
    const later = { ...input, transferId };
    // its second step lasts from now for as long again
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const [{ orderedAt } = { orderedAt: 0 }] = await sent(input);
    await rig.post('/payos/api/settings', { stepMs: Date.now() - orderedAt });
    expect(await transfers().retrieve(later)).toMatchObject({ status: 'processing', code: 'PROCESSING' });
    await rig.post('/payos/api/settings', { stepMs: 0 });
    expect(await transfers().retrieve(later)).toEqual({ ...succeeded, refundId: transferId });
    expect(await transfers().retrieve(input)).toEqual({ ...succeeded, refundId: transferId });
  });

  it('carries what was ordered, signed, under a key that follows from the order', async () => {
    const calls: { url: string; headers: Headers; body: Record<string, unknown> }[] = [];
    const spying: typeof fetch = (url, init) => {
      const body = init?.body ? JSON.parse(String(init.body)) : {};
      calls.push({ url: String(url), headers: new Headers(init?.headers), body });
      return fetch(url, init);
    };
    const input = order({ message: 'Trả tiền: đơn JB7K2M9Q, tháng 11' });
    expect(await transfers(spying).send(input)).toMatchObject(succeeded);
    const post = calls.find(({ body }) => 'amount' in body);
    expect(post?.url).toBe(`${rig.url}/payos/v1/payouts`);
    expect(post?.body).toEqual({
      referenceId: input.reference,
      amount: 4_200_000,
      description: 'Tra tien: don JB7K2M9Q th',
      toBin: '970436',
      toAccountNumber: '0123456789',
    });
    const signature = hmac(config().checksumKey, payoutText(post?.body ?? {}));
    expect(post?.headers.get('x-signature')).toBe(signature);
    expect(post?.headers.get('x-idempotency-key')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it('is what the environment sets up', async () => {
    expect(await createTransfers(rig.env)?.send(order())).toMatchObject(succeeded);
  });

  it('is refused by the bank for an account it does not know', async () => {
    const input = order({ accountNumber: '0123450000' });
    const failed = { known: true, status: 'failed', code: 'INVALID_DESTINATION' };
    expect(await transfers().send(input)).toMatchObject(failed);
    expect(await transfers().retrieve(input)).toMatchObject(failed);
  });

  it('can be accepted and rejected later, and the money is there again', async () => {
    await rig.post('/payos/api/settings', { stepMs: 60_000, balance: 5_000_000 });
    const input = order();
    expect(await transfers().send(input)).toMatchObject({ status: 'processing' });
    await rig.post('/payos/api/transfer-verdict', { reference: input.reference, verdict: 'reject' });
    expect(await transfers().send(order())).toMatchObject({ status: 'failed', code: 'BALANCE_NOT_ENOUGH' });
    await rig.post('/payos/api/settings', { stepMs: 0 });
    expect(await transfers().retrieve(input)).toMatchObject({ known: true, status: 'failed' });
    expect(await transfers().send(order())).toMatchObject(succeeded);
  });

  it('does not start without enough money on the account', async () => {
    await rig.post('/payos/api/settings', { balance: 4_199_999 });
    const input = order();
    const refused = { known: true, status: 'failed', refundId: null, code: 'BALANCE_NOT_ENOUGH', byUs: true };
    expect(await transfers().send(input)).toEqual(refused);
    expect(await sent(input)).toHaveLength(0);
    await rig.post('/payos/api/settings', { balance: 4_200_000 });
    expect(await transfers().send(input)).toMatchObject(succeeded);
  });

  it('is not found when nobody ordered it', async () => {
    const nothing = { known: false, status: 'no_information' };
    expect(await transfers().retrieve(order())).toEqual({ ...nothing, reason: 'not_found' });
    const unknown = order({ transferId: 'batch_nobody' });
    expect(await transfers().retrieve(unknown)).toEqual({ ...nothing, reason: 'PAYOUT_BATCH_NOT_FOUND' });
  });

  it('is not tried in another currency or with an amount that is not whole', async () => {
    const unreachable: typeof fetch = () => Promise.reject(new Error('called'));
    for (const changes of [{ currency: 'USD' }, { amount: 0 }, { amount: 1.5 }]) {
      expect(await transfers(unreachable).send(order(changes))).toMatchObject({
        known: true,
        status: 'failed',
        code: 'amount_unsupported',
      });
    }
  });
});

describe('a repeat', () => {
  it('sends nothing twice, one after the other', async () => {
    const input = order();
    const first = await transfers().send(input);
    expect(await transfers().send(input)).toEqual(first);
    expect(await transfers().send({ ...input, requestKey: 'another key' })).toEqual(first);
    expect(await sent(input)).toHaveLength(1);
  });

  it('sends nothing twice, eight at the same moment', async () => {
    const input = order();
    const results = await Promise.all(Array.from({ length: 8 }, () => transfers().send(input)));
    expect(results).toEqual(Array.from({ length: 8 }, () => expect.objectContaining(succeeded)));
    expect(await sent(input)).toHaveLength(1);
  });

  it('sends nothing twice when the answer was lost', async () => {
    const losing: typeof fetch = async (url, init) => {
      const answer = await fetch(url, init);
      if (init?.method === 'POST') throw new TypeError('connection reset');
      return answer;
    };
    const input = order();
    const lost = expect.objectContaining({ code: 'provider_unavailable' });
    await expect(transfers(losing).send(input)).rejects.toThrow(lost);
    expect(await transfers().send(input)).toMatchObject(succeeded);
    expect(await sent(input)).toHaveLength(1);
  });

  it('sends nothing when PayOS does not say what it has', async () => {
    const posts: string[] = [];
    const unreadable =
      (answer: () => Response): typeof fetch =>
      (url, init) => {
        if (init?.method === 'POST') posts.push(String(url));
        return init?.method === 'POST' ? fetch(url, init) : Promise.resolve(answer());
      };
    const unsigned = () => Response.json({ code: '00', data: { payouts: [] } });
    const input = order();
    expect(await transfers(unreadable(unsigned)).send(input)).toMatchObject({
      known: false,
      reason: 'unsigned',
    });
    const busy = () => Response.json({ code: '429' }, { status: 429 });
    await expect(transfers(unreadable(busy)).send(input)).rejects.toThrow(rateLimited('payos'));
    const down = () => Response.json({}, { status: 503 });
    expect(await transfers(unreadable(down)).send(input)).toMatchObject({
      known: false,
      status: 'try_later',
    });
    expect(posts).toEqual([]);
  });

  it('is on its way although it was refused for money that its twin has just taken', async () => {
    await rig.post('/payos/api/settings', { balance: 4_200_000 });
    const input = order();
    // the twin comes between the question and the order, under a key of its own
    const overtaking: typeof fetch = async (url, init) => {
      if (init?.method === 'POST') await transfers().send({ ...input, requestKey: 'twin' });
      return fetch(url, init);
    };
    expect(await transfers(overtaking).send(input)).toMatchObject(succeeded);
    expect(await sent(input)).toHaveLength(1);
  });

  it('of a failed transfer sends nothing more; a new order with its own reference pays', async () => {
    const input = order();
    await rig.post('/payos/api/transfer-verdict', { reference: input.reference, verdict: 'reject' });
    const failed = await transfers().send(input);
    expect(failed).toMatchObject({ known: true, status: 'failed' });
    await rig.post('/payos/api/transfer-verdict', { reference: input.reference, verdict: 'pay' });
    expect(await transfers().send(input)).toEqual(failed);
    expect(await transfers().send({ ...input, requestKey: 'another key' })).toEqual(failed);
    expect((await sent(input)).map(({ state }) => state)).toEqual(['FAILED']);
    const newOrder = order();
    expect(await transfers().send(newOrder)).toMatchObject(succeeded);
    expect((await sent(newOrder)).map(({ state }) => state)).toEqual(['SUCCEEDED']);
  });

  it('to another account, or of another amount, sends nothing', async () => {
    const input = order();
    await transfers().send(input);
    for (const changes of [{ amount: 1_000 }, { accountNumber: '555555555' }, { bankBin: '970422' }]) {
      const other = { ...input, ...changes, requestKey: 'other' };
      expect(await transfers().send(other)).toMatchObject({ known: false, reason: 'other_transfer' });
    }
    expect(await sent(input)).toHaveLength(1);
  });
});
