import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { vietqrConfig } from '../../supabase/functions/_shared/payments/vietqr/config.ts';
import { createVietqr } from '../../supabase/functions/_shared/payments/vietqr/index.ts';
import { construct, nextReference, type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vietqr');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
});

type Feed = NonNullable<Rig['provider']['readFeed']>;

async function read(cursor: string | null, provider: { readFeed?: Feed } = rig.provider) {
  const feed = await provider.readFeed?.(cursor);
  if (feed?.kind !== 'reports') throw new Error(`the feed was not read: ${JSON.stringify(feed)}`);
  return feed;
}

/** The wrapper, with a feed of our own; `urls` are what it asked for. */
function withList(transactions: unknown, status = 200) {
  const config = vietqrConfig(rig.env);
  if (config === null) throw new Error('the rig has no settings');
  const urls: URL[] = [];
  const fetch = async (url: string | URL | Request) => {
    urls.push(new URL(String(url)));
    return Response.json({ status: 200, error: null, transactions }, { status });
  };
  return { urls, provider: createVietqr(config, { fetch, now: Date.now }) };
}

const row = (id: number, changes: Record<string, unknown> = {}) => ({
  id: String(id),
  account_number: '0123456789',
  amount_in: '1000.00',
  amount_out: '0.00',
  transaction_content: 'chuyen tien',
  code: null,
  ...changes,
});

describe('reading all of the bank feed', () => {
  it('begins at the latest movement, and brings nothing from before', async () => {
    await rig.pay({ reference: nextReference(), amount: 5_000, notify: { never: true } });
    const { reports, cursor } = await read(null);
    expect(reports).toEqual([]);
    expect((await read(cursor)).reports).toHaveLength(1);
    const empty = await read(null, withList([]).provider);
    expect(empty).toEqual({ kind: 'reports', reports: [], cursor: '1' });
  });

  it('brings the same reports, under the same event ids, as notifications, whoever the money is for', async () => {
    const { cursor } = await read(null);
    const named = nextReference();
    await rig.pay({ reference: named, amount: 1_000_000, notify: { never: true } });
    const stranger = { reference: nextReference(), messageChange: 'lost', amount: 700_000 };
    await rig.pay({ ...stranger, notify: { never: true } });
    await rig.pay({ reference: named, amount: 3_000, outcome: 'out' });
    await rig.post('/vietqr/api/notify', { reference: named });
    const found = await read(cursor);
    const ours = found.reports.filter(({ amount }) => amount === 1_000_000 || amount === 700_000);
    expect(ours.map(({ reference }) => reference)).toEqual(expect.arrayContaining([named, null]));
    expect(ours).toHaveLength(2);
    expect(found.reports.some(({ amount }) => amount === 3_000)).toBe(false);
    const events = await Promise.all(rig.received.map((one) => construct(rig, one)));
    const reports = events.flatMap((constructed) =>
      constructed.verified && constructed.event.kind === 'payment' ? [constructed.event.report] : [],
    );
    expect(reports).toHaveLength(1);
    expect(ours).toEqual(expect.arrayContaining(reports));
    expect(BigInt(found.cursor)).toBeGreaterThan(BigInt(cursor));
  });

  it('reads on from the number where it stopped', async () => {
    const { urls, provider } = withList([row(12, { amount_in: '0.00', amount_out: '5.00' }), row(11)]);
    expect(await read('10', provider)).toMatchObject({ reports: { length: 1 }, cursor: '12' });
    expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toEqual({
      account_number: '0123456789',
      since_id: '10',
      limit: '5000',
    });
  });

  it('does not move past a row that it could not read', async () => {
    const unreadable = [
      [row(1, { amount_in: 'x' })],
      [row(1, { id: 'x' })],
      [row(1), row(2, { amount_in: '1.50' })],
      'none',
      Array.from({ length: 5_000 }, (_, i) => row(i + 1)),
    ];
    for (const list of unreadable) {
      const feed = await withList(list).provider.readFeed?.('1');
      expect(feed).toMatchObject({ kind: 'no_information' });
    }
    expect(await withList([], 503).provider.readFeed?.('1')).toEqual({ kind: 'try_later', reason: '503' });
  });

  it('tells numbers apart that are equal as floats', async () => {
    const { provider } = withList([
      row(0, { id: '900719925474099301' }),
      row(0, { id: '900719925474099299' }),
    ]);
    expect((await read('1', provider)).cursor).toBe('900719925474099301');
  });

  it('leaves the movements of other accounts alone', async () => {
    const { provider } = withList([row(3, { account_number: '999' })]);
    expect(await read('1', provider)).toEqual({ kind: 'reports', reports: [], cursor: '1' });
  });
});
