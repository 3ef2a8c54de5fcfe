import { Pool } from 'pg';
import { createJourney, type Journey, type PaymentProvider } from '../../sdk/src/index.ts';
import type { StackEnvironment } from '../environment.ts';
import { signToken } from '../gateway/caller.ts';

/** A crowd too large for a client each: its calls go over a few connections, each with the claims of its person. */
export interface Crowd {
  people: string[];
  /** One call by each of these, as the Data API makes it. */
  each(users: readonly string[], text: string, ...values: unknown[]): Promise<void>;
  /** A client of the SDK for one of them. */
  client(user: string): Promise<Journey>;
  /** SQL, to look at what clients cannot see. */
  sql<Row extends object>(text: string, ...values: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

const connections = 8;

/** Makes so many accounts, without a password. */
export async function gather(environment: StackEnvironment, size: number): Promise<Crowd> {
  const pool = new Pool({ connectionString: environment.DB_URL, max: connections });
  const sql: Crowd['sql'] = async <Row extends object>(text: string, ...values: unknown[]) =>
    (await pool.query<Row>(text, values)).rows;
  const made = await sql<{ id: string }>(
    `insert into auth.users (id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
     select u.id, 'authenticated', 'authenticated', 'buyer-' || u.id || '@journey.example', now(), '{}',
            jsonb_build_object('display_name', 'Buyer ' || u.n, 'locale', 'en'), now(), now()
     from (select gen_random_uuid() as id, n from generate_series(1, $1::int) n) u returning id`,
    size,
  );
  const keys = {
    publishableKey: environment.PUBLISHABLE_KEY,
    secretKey: environment.SECRET_KEY,
    jwtSecret: environment.JWT_SECRET,
  };
  return {
    people: made.map(({ id }) => id),
    sql,
    async each(users, text, ...values) {
      const left = [...users];
      const work = async (): Promise<void> => {
        const connection = await pool.connect();
        try {
          for (let user = left.pop(); user !== undefined; user = left.pop()) {
            const claims = JSON.stringify({ sub: user, role: 'authenticated', session_id: user });
            await connection.query('begin');
            await connection.query(
              "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
              [claims],
            );
            await connection.query(`select ${text}`, values);
            await connection.query('commit');
          }
        } finally {
          connection.release();
        }
      };
      await Promise.all(Array.from({ length: Math.min(connections, users.length) }, work));
    },
    async client(user) {
      const token = await signToken(keys, { sub: user, role: 'authenticated', aud: 'authenticated' }, 3600);
      return createJourney({
        url: environment.API_URL,
        publishableKey: environment.PUBLISHABLE_KEY,
        auth: { persistSession: false, autoRefreshToken: false },
        timeoutMs: 120_000,
        fetch(input, init) {
          const headers = new Headers(init?.headers);
          headers.set('authorization', `Bearer ${token}`);
          return fetch(input, { ...init, headers });
        },
      });
    },
    close: () => pool.end(),
  };
}

/** How a buyer goes on once it is their turn. */
export interface Purchase {
  eventId: string;
  classId: string;
  quantity: number;
  provider: PaymentProvider;
  /** The first try at paying is refused. */
  isRefusedOnce: boolean;
}

/** Somebody whose turn it is orders and pays, by the SDK and the payment sandbox. False when nothing was left. */
export async function buy(
  environment: StackEnvironment,
  journey: Journey,
  purchase: Purchase,
): Promise<boolean> {
  const { eventId, classId, provider } = purchase;
  const { data: place, error: lost } = await journey.waitingRoom.status(eventId);
  if (lost) throw lost;
  if (place.admission_id === null) return false;
  let orderId: string | undefined;
  for (let quantity = purchase.quantity; orderId === undefined; ) {
    const admission = place.admission_id;
    const ordered = await journey.orders.create({ eventId, items: [{ classId, quantity }], admission });
    if (ordered.data) orderId = ordered.data.id;
    else if (ordered.error.code !== 'sold_out') throw ordered.error;
    else quantity = Math.min(quantity - 1, Number(ordered.error.details?.left ?? 0));
    if (orderId === undefined && quantity < 1) {
      await journey.waitingRoom.leave(eventId);
      return false;
    }
  }
  const { data: order, error: hidden } = await journey.orders.get(orderId);
  if (hidden) throw hidden;
  const paymentId = order.payment?.id ?? '';
  const outcomes = purchase.isRefusedOnce ? ['insufficient_funds', 'success'] : ['success'];
  for (const [i, outcome] of outcomes.entries()) {
    // who was refused takes another rail
    const rail = outcome === 'success' && i > 0 ? 'vietqr' : provider;
    const idempotencyKey = crypto.randomUUID();
    const start = () => journey.payments.start({ paymentId, provider: rail }, { idempotencyKey });
    let { data: started, error } = await start();
    // a function that had to wait too long for a busy machine
    for (let tries = 1; error?.retryable && tries < 5; tries += 1) ({ data: started, error } = await start());
    if (error) throw error;
    if (!started) throw new Error('there is no attempt');
    const answer = await fetch(`${environment.SANDBOX_URL}/${rail}/api/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirectUrl: started.redirect_url ?? undefined,
        qr: started.qr.payload,
        reference: started.attempt.reference,
        outcome,
      }),
    });
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}: ${await answer.text()}`);
  }
  return true;
}
