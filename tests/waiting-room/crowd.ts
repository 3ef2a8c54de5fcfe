import type pg from 'pg';
import { connect, errorCode, type Outcome, type World } from '../support/sql.ts';

/** Adds to the world what a buyer does with an admission, and how an order ends. */
export async function addOrders(world: World): Promise<void> {
  await world.sql.query(`
    create function tests.buy(p_user uuid, p_event uuid, p_admission uuid) returns uuid
    language plpgsql volatile security definer as $$
    declare
      v_order uuid := gen_random_uuid();
      v_class uuid := tests.class_of(p_event);
      v_shard record;
    begin
      insert into public.orders (id, event_id, buyer_id, status, currency, total_amount, tax_amount, quantity, hold_expires_at)
      values (v_order, p_event, p_user, 'pending_payment', 'VND', 500000, 0, 1, now() + interval '15 minutes');
      insert into public.order_items (order_id, event_id, class_id, quantity, unit_price, amount, tax_amount)
      values (v_order, p_event, v_class, 1, 500000, 500000, 0);
      update private.stock_shards s set held = held + 1
      where s.pool_id = v_class and s.shard = (
        select f.shard from private.stock_shards f where f.pool_id = v_class and f.held + f.sold < f.capacity order by random() limit 1 for update)
      returning * into v_shard;
      insert into private.ticket_holds (order_id, pool_id, shard, held, held_until)
      values (v_order, v_shard.pool_id, v_shard.shard, 1, now() + interval '15 minutes');
      perform private.spend_admission(p_event, p_user, p_admission, v_order);
      return v_order;
    end $$;
    create function tests.end_order(p_order uuid, p_status text) returns void
    language plpgsql volatile security definer as $$
    begin
      update private.stock_shards s set held = s.held - h.held, sold = s.sold + case when p_status = 'completed' then h.held else 0 end
      from private.ticket_holds h where h.order_id = p_order and s.pool_id = h.pool_id and s.shard = h.shard;
      update private.ticket_holds set sold = case when p_status = 'completed' then held else 0 end, held = 0, held_until = null where order_id = p_order;
      update public.orders set status = p_status, completed_at = case when p_status = 'completed' then now() end where id = p_order;
    end $$;`);
}

/** A published event with so many tickets, and its waiting room, open. */
export async function openEvent(
  world: World,
  { tickets, capacity, opensAt = null }: { tickets: number; capacity: number; opensAt?: string | null },
): Promise<string> {
  const owner = await world.make('make_user', 'organizer');
  const event = await world.make('make_event', owner, JSON.stringify({ total: tickets }));
  await world.sql.query('select set_config($1, tests.claims($2), false)', ['request.jwt.claims', owner]);
  await world.sql.query('select private.set_waiting_room($1, $2, null, $3)', [event, capacity, opensAt]);
  await world.sql.query('select private.open_waiting_room($1)', [event]);
  await world.sql.query("select set_config('request.jwt.claims', '', false)");
  return event;
}

/** One connection that acts for one person after another, a transaction for each act. */
export class Actor {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async act(user: string, text: string, ...args: unknown[]): Promise<Outcome> {
    try {
      await this.#client.query('begin');
      const claims = JSON.stringify({ sub: user, role: 'authenticated', session_id: user });
      await this.#client.query(
        "select set_config('request.jwt.claims', $1, true), set_config('role', 'authenticated', true)",
        [claims],
      );
      const { rows } = await this.#client.query<{ value: unknown }>(`select (${text}) as value`, args);
      await this.#client.query('commit');
      return { value: rows[0]?.value, error: null };
    } catch (error) {
      await this.#client.query('rollback');
      return { value: null, error: errorCode(error) };
    }
  }
}

/** Many connections that take pieces of work until there is none. */
export async function crowd<Work>(
  connections: number,
  works: readonly Work[],
  perform: (actor: Actor, work: Work) => Promise<void>,
): Promise<void> {
  const clients = await Promise.all(Array.from({ length: connections }, connect));
  const left = [...works];
  try {
    await Promise.all(
      clients.map(async (client) => {
        const actor = new Actor(client);
        for (let work = left.shift(); work !== undefined; work = left.shift()) await perform(actor, work);
      }),
    );
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

/** Looks again and again while something runs; answers how often it looked. */
export async function sampling(
  look: (client: pg.Client) => Promise<void>,
  during: Promise<unknown>,
): Promise<number> {
  const client = await connect();
  let running = true;
  const ended = during.finally(() => {
    running = false;
  });
  let samples = 0;
  try {
    while (running) {
      await look(client);
      samples += 1;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await ended;
  } finally {
    await client.end();
  }
  return samples;
}
