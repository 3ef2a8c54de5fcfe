import type { Order as MomoOrder } from '../../local/sandbox/momo/store.ts';
import type { Link, Payout } from '../../local/sandbox/payos/store.ts';
import type { Session } from '../../local/sandbox/stripe/store.ts';
import type { Transaction as Transfer } from '../../local/sandbox/vietqr/store.ts';
import type { Transaction as VnpayTransaction } from '../../local/sandbox/vnpay/store.ts';
import type { Order as ZalopayOrder } from '../../local/sandbox/zalopay/store.ts';
import type { ChaosStack } from './chaos-stack.ts';
import { rails } from './story.ts';

/** Money a provider took, by its own books. */
export interface Movement {
  provider: string;
  /** The provider's id of it, as wrappers report it. */
  id: string;
  reference: string;
  amount: number;
  /** What it has given back of it. */
  back: number;
}

/** What the providers say, asked by the API for tests and not by the wrappers. */
export interface ProviderBooks {
  movements: Movement[];
  /** Bank transfers of ours that were paid, by our reference. */
  transfers: { referenceId: string; amount: number }[];
  /** Calls of our webhooks, whatever came of them. */
  notifications: number;
}

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
// a verdict is final once the refund's time is over, and that is long ago
const given = (refunds: readonly { verdict: string; amount: number }[]): number =>
  sum(refunds.filter(({ verdict }) => verdict === 'pay').map(({ amount }) => amount));

export async function readProviderBooks(stack: ChaosStack): Promise<ProviderBooks> {
  const list = async <T>(name: string): Promise<T[]> => (await stack.sandbox<T[]>(name)).body;
  const [vnpay, momo, zalopay, payos, stripe, vietqr, payouts] = await Promise.all([
    list<VnpayTransaction>('vnpay/api/transactions'),
    list<MomoOrder>('momo/api/transactions'),
    list<ZalopayOrder>('zalopay/api/transactions'),
    list<Link>('payos/api/transactions'),
    list<Session>('stripe/api/transactions'),
    list<Transfer>('vietqr/api/transactions'),
    list<Payout & { state: string }>('payos/api/transfers'),
  ]);
  const movements: Movement[] = [
    ...vnpay
      .filter(({ transactionStatus, transactionNo }) => transactionStatus === '00' && transactionNo !== '0')
      .map((one) => ({
        ...{ provider: 'vnpay', id: one.transactionNo, reference: one.txnRef },
        ...{ amount: one.amount / 100, back: given(one.refunds) / 100 },
      })),
    ...momo
      .filter(({ transId, resultCode }) => transId !== 0 && resultCode === 0)
      .map((one) => ({
        ...{ provider: 'momo', id: String(one.transId), reference: one.orderId },
        ...{ amount: one.amount, back: given(one.refunds) },
      })),
    ...zalopay
      .filter(({ state }) => state === 'paid')
      .map((one) => ({
        ...{ provider: 'zalopay', id: one.zpTransId, reference: one.reference },
        ...{ amount: one.amount, back: given(one.refunds) },
      })),
    ...payos.flatMap((link) =>
      link.incoming.map(({ reference, amount }) => ({
        ...{ provider: 'payos', id: reference, reference: `J${link.orderCode}`, amount, back: 0 },
      })),
    ),
    ...stripe
      .filter(({ paymentStatus }) => paymentStatus === 'paid')
      .map((one) => ({
        ...{
          provider: 'stripe',
          id: one.intent?.id ?? '',
          reference: one.reference ?? '',
          amount: one.amount,
        },
        back: sum(one.refunds.filter(({ status }) => status === 'succeeded').map(({ amount }) => amount)),
      })),
    ...vietqr
      .filter(({ state, direction }) => state === 'done' && direction === 'in')
      .map(({ id, reference, amount }) => ({
        ...{ provider: 'vietqr', id: String(id), reference, amount, back: 0 },
      })),
  ];
  const told: { notifications: unknown[] }[] = [
    ...vnpay,
    ...momo,
    ...zalopay,
    ...payos,
    ...stripe,
    ...vietqr,
  ];
  return {
    movements,
    transfers: payouts.filter(({ state }) => state === 'SUCCEEDED'),
    notifications: sum(told.map(({ notifications }) => notifications.length)),
  };
}

/** What a provider holds for us: taken less given back, and less what left by transfer. */
export function heldBy(provider: string, { movements, transfers }: ProviderBooks): number {
  const mine = movements.filter((movement) => movement.provider === provider);
  const left = provider === 'payos' ? sum(transfers.map(({ amount }) => amount)) : 0;
  return sum(mine.map(({ amount, back }) => amount - back)) - left;
}

/** Where our books have put one movement. */
interface Booking {
  provider: string;
  id: string;
  amount: number;
  as: string;
}

/**
 * Every way in which a provider's movements and our rows differ. A movement is one row: the transaction of a
 * paid attempt, or unmatched money. Where a provider has contradicted itself, somebody must have been told.
 */
export async function findDifferences({ sql }: ChaosStack, books: ProviderBooks): Promise<string[]> {
  const rows = await sql<{ provider: string; id: string; amount: string; as: string }>(`
    select provider, provider_transaction_id as id, transaction_amount as amount, 'attempt ' || reference as as
    from public.payment_attempts where status = 'succeeded' and transaction_amount <> 0
    union all
    select provider, transaction_id, amount, 'unmatched ' || reason || ' ' || coalesce(reference, '')
    from private.unmatched_money where reason <> 'overpaid' and settlement is distinct from 'void'`);
  // a transfer that names nobody has no reference here, but its number is in the id of its news
  const looked = await sql<{ provider: string; about: string }>(
    `select provider, coalesce(reference, split_part(provider_event_id, ':', 2)) as about
     from private.payment_events where outcome = 'needs_review'`,
  );
  const noted = new Set(looked.map(({ provider, about }) => `${provider} ${about}`));
  const booked = Map.groupBy(
    rows.map((row): Booking => ({ ...row, amount: Number(row.amount) })),
    ({ provider, id }) => `${provider} ${id}`,
  );
  const differences: string[] = [];
  for (const { provider, id, reference, amount } of books.movements) {
    const found = booked.get(`${provider} ${id}`) ?? [];
    booked.delete(`${provider} ${id}`);
    const [only] = found;
    const about = `${provider} ${id} (${reference}) of ${amount}`;
    if (found.length !== 1 || !only) {
      differences.push(`${about} is booked ${found.length} times: ${found.map((one) => one.as).join(', ')}`);
    } else if (only.amount !== amount && ![reference, id].some((one) => noted.has(`${provider} ${one}`))) {
      differences.push(`${about} is booked as ${only.amount} (${only.as}), and nobody was told`);
    }
  }
  for (const rest of [...booked.values()].flat()) {
    differences.push(`${rest.provider} ${rest.id} of ${rest.amount} (${rest.as}) is unknown to the provider`);
  }
  return differences;
}

/**
 * Every payment of which the money that came, by the providers' books, is not what it took and what is kept apart for
 * its payer: surplus, parts that went back, second payments. Left out are payments of which a provider told two sums.
 */
export async function findUnexplained({ sql }: ChaosStack, books: ProviderBooks): Promise<string[]> {
  const attempts = await sql<{ provider: string; reference: string; payment_id: string }>(
    'select provider, reference, payment_id from public.payment_attempts',
  );
  const paymentOf = new Map(
    attempts.map(({ provider, reference, payment_id }) => [`${provider} ${reference}`, payment_id]),
  );
  const rows = await sql<{ payment_id: string | null; id: string; amount: string }>(`
    select payment_id, provider || ' ' || provider_transaction_id as id, transaction_amount as amount
    from public.payment_attempts where status = 'succeeded' and transaction_amount <> 0
    union all
    select a.payment_id, u.provider || ' ' || u.transaction_id, u.amount
    from private.unmatched_money u left join public.payment_attempts a on a.id = u.attempt_id
    where u.reason <> 'overpaid' and u.settlement is distinct from 'void'`);
  const booked = new Map(rows.map((row) => [row.id, row]));
  const came = new Map<string, number>();
  const contradicted = new Set<string>();
  for (const { provider, id, reference, amount } of books.movements) {
    const row = booked.get(`${provider} ${id}`);
    const payment = paymentOf.get(`${provider} ${reference}`);
    // a transfer that names nobody is nobody's
    if (payment === undefined || !row?.payment_id) continue;
    if (Number(row.amount) !== amount) contradicted.add(payment);
    came.set(payment, (came.get(payment) ?? 0) + amount);
  }
  const accounted = await sql<{ id: string; status: string; took: string; apart: string }>(`
    select p.id, p.status, case when p.succeeded_at is null then 0 else p.amount end as took, coalesce(sum(u.amount), 0) as apart
    from public.payments p
    left join public.payment_attempts a on a.payment_id = p.id
    left join private.unmatched_money u on u.attempt_id = a.id and coalesce(u.settlement, 'open') not in ('applied', 'void')
    group by p.id`);
  return accounted
    .filter(({ id }) => !contradicted.has(id))
    .filter(({ id, took, apart }) => Number(took) + Number(apart) !== (came.get(id) ?? 0))
    .map(
      ({ id, status, took, apart }) =>
        `${id} (${status}): ${came.get(id) ?? 0} came, it took ${took}, apart are ${apart}`,
    );
}

/** Booked less moved, per provider, of movements that a provider has told of with two sums. */
export async function toldWithTwoSums(
  { sql }: ChaosStack,
  books: ProviderBooks,
): Promise<Map<string, number>> {
  const rows = await sql<{ provider: string; id: string; amount: string }>(`
    select provider, provider_transaction_id as id, transaction_amount as amount
    from public.payment_attempts where status = 'succeeded' and transaction_amount <> 0
    union all
    select provider, transaction_id, amount
    from private.unmatched_money where reason <> 'overpaid' and settlement is distinct from 'void'`);
  const moved = new Map(books.movements.map((one) => [`${one.provider} ${one.id}`, one.amount]));
  const found = new Map<string, number>(rails.map((rail) => [rail, 0]));
  for (const { provider, id, amount } of rows) {
    const difference = Number(amount) - (moved.get(`${provider} ${id}`) ?? Number(amount));
    found.set(provider, (found.get(provider) ?? 0) + difference);
  }
  return found;
}
