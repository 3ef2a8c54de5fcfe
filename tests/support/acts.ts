import { randomUUID } from 'node:crypto';
import type { Act, World } from './sql.ts';

/** Where no listing of the demo data is. */
export const farAway = { lat: -44.5, lng: 170.5 };

/** A time some hours from now. */
export const hours = (world: World, count: number) => world.make<Date>('hours', count);

/** Renters with a verified licence. */
export async function makePeople(world: World, count: number): Promise<string[]> {
  const { rows } = await world.sql.query<{ id: string }>(
    "select tests.make_renter('renter') as id from generate_series(1, $1::int)",
    [count],
  );
  return rows.map((row) => row.id);
}

export async function makeListing(
  world: World,
  more: object = {},
): Promise<{ host: string; vehicle: string }> {
  const host = await world.make('make_user', 'host');
  return { host, vehicle: await world.make('make_vehicle', host, JSON.stringify({ ...farAway, ...more })) };
}

/** A booking of new people, with a try at paying it. */
export interface Trip {
  renter: string;
  booking: string;
  payment: string;
  reference: string;
}

/** What a {@link Trip} costs. */
export const tripPrice = 4_814_405;

export async function makeTrip(world: World, provider: string): Promise<Trip> {
  const { vehicle } = await makeListing(world);
  const renter = await world.make('make_renter', 'renter');
  const [from, to] = [await hours(world, 480), await hours(world, 500)];
  const booking = await world.make('make_booking', renter, vehicle, from, to);
  const payment = await world.value<string>('select id from public.payments where payable_id = $1', booking);
  return { renter, booking, payment, reference: await world.make('start_payment', booking, provider) };
}

export const book = (user: string, quote: string, key: string = randomUUID()): Act => ({
  user,
  text: '(private.create_booking($1, $2)).id',
  args: [quote, key],
});

export const cancel = (user: string, booking: string): Act => ({
  user,
  text: '(tests.cancel_booking($1)).status',
  args: [booking],
});

export const expireOverdue: Act = { text: 'private.expire_overdue_payments()' };

/** The provider reports the whole sum of an attempt, once per event. */
export const providerSays = (reference: string, event = `event-${reference}`): Act => ({
  text: "tests.provider_says($1, 'succeeded', null, 'VND', 'tx-' || $1, $2)",
  args: [reference, event],
});

/** A provider reports this sum under this reference. */
export const moneyCame = (
  provider: string,
  reference: string,
  transaction: string,
  amount: number,
  event = transaction,
): Act => ({
  text: `public.apply_payment_event(
    (public.record_payment_event($1, $3, true, $2, 'raw') ->> 'event_id')::bigint, $2, 'succeeded', $5, 'VND', $4)`,
  args: [provider, reference, event, transaction, amount],
});
