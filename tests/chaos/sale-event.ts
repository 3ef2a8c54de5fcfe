import type { SaleCluster } from './sale-cluster.ts';

export interface SaleSize {
  buyers: number;
  tickets: number;
  /** How many may buy at the same time. */
  capacity: number;
}

export interface SaleEvent {
  id: string;
  organizer: string;
  /** The promised hash of the seed, from before anybody joined. */
  seedHash: string;
  classes: { id: string; total: number }[];
}

/** An event with three kinds of tickets and a waiting room whose pre-queue is open, and people. */
export async function openSale(
  cluster: SaleCluster,
  size: SaleSize,
): Promise<{ event: SaleEvent; buyers: string[] }> {
  const { sql } = cluster;
  await sql(`
    create function tests.start_payment_once(p_order_id uuid, p_key uuid) returns text
    language plpgsql volatile as $$
    declare
      v_payment public.payments;
      v_attempt public.payment_attempts;
    begin
      select * into strict v_payment from public.payments where payable_id = p_order_id;
      perform set_config('request.jwt.claims', tests.claims(v_payment.payer_id), true);
      v_attempt := private.start_payment(v_payment.id, 'vnpay', p_key);
      perform set_config('request.jwt.claims', '', true);
      if v_attempt.status = 'created' then
        perform public.attach_checkout(v_attempt.id, 'https://pay.example.com/' || v_attempt.reference, 'qr', '{}', '{}');
      end if;
      return v_attempt.reference;
    end $$`);
  const totals = [0.6, 0.3].map((share) => Math.floor(size.tickets * share));
  totals.push(size.tickets - (totals[0] ?? 0) - (totals[1] ?? 0));
  const names = ['Standing', 'Balcony', 'Box'];
  const [made] = await sql<{ id: string; organizer: string }>(
    `select tests.make_event(o.id, $1, $2) as id, o.id as organizer from (select tests.make_user('organizer') as id) o`,
    [
      JSON.stringify({ name: names[0], price: 300_000, total: totals[0] }),
      JSON.stringify({ returns_hours: 24, max_per_order: 10 }),
    ],
  );
  if (!made) throw new Error('there is no event');
  const { id, organizer } = made;
  const asOrganizer = async (text: string, ...values: unknown[]): Promise<void> => {
    const { error } = await cluster.act(organizer, text, ...values);
    if (error !== null) throw new Error(`${text}: ${error}`);
  };
  for (const [i, price] of [0, 500_000, 1_500_000].entries()) {
    if (i === 0) continue;
    const kind = { name: names[i], price, total: totals[i] };
    await asOrganizer(
      '(private.add_ticket_class($1, $2, $3)).id',
      id,
      JSON.stringify(kind),
      `00000000-0000-4000-8000-00000000000${i}`,
    );
  }
  await asOrganizer(
    `(private.set_waiting_room($1, $2, null, now() + interval '1 day')).id`,
    id,
    size.capacity,
  );
  await asOrganizer('(private.open_waiting_room($1)).id', id);
  const [room] = await sql<{ seed_hash: string }>(
    'select seed_hash from public.waiting_rooms where event_id = $1',
    [id],
  );
  const classes = await sql<{ id: string; total: number }>(
    'select id, total from public.ticket_classes where event_id = $1 order by price',
    [id],
  );
  const people = await sql<{ id: string }>(
    `select tests.make_user('buyer') as id from generate_series(1, $1::int)`,
    [size.buyers],
  );
  return {
    event: { id, organizer, seedHash: room?.seed_hash ?? '', classes },
    buyers: people.map((person) => person.id),
  };
}
