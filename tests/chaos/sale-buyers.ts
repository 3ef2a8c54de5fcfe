import { randomUUID } from 'node:crypto';
import { delay } from '../../local/process.ts';
import { Tally } from './payer.ts';
import type { Random } from './random.ts';
import type { Answer, SaleCluster } from './sale-cluster.ts';
import type { SaleEvent } from './sale-event.ts';
import { type BuyerStory, type Checkout, dealCheckouts, writeBuyer } from './sale-story.ts';

/** What people and the provider know of the sale, to be compared with what is there afterwards. */
export interface Told {
  /** Places, orders and tickets that were answered. */
  answered: { entries: string[]; orders: string[] };
  /** What the provider took of each buyer. */
  taken: Map<string, number>;
  /** When somebody who waits was made silent, by place, in milliseconds of the database's clock. */
  silent: Map<string, number>;
  tally: Tally;
  /** Answers that nobody should get. */
  surprises: string[];
}

interface Place {
  status: string | null;
  admission_id: string | null;
}

/** Buyers who live their stories side by side. */
export interface Buyers {
  told: Told;
  /** Everybody has bought or gone. */
  over: Promise<void>;
  /** Tells everybody that the sale has begun. */
  open(): void;
  /** Tells these people that something of their place has changed. */
  wake(users: string[]): void;
  /** Lets some of those who wait look at their place. */
  look(count: number): void;
}

const joins = '(select to_jsonb(j) from public.join_queue($1) j)';
const looks = '(select to_jsonb(s) from public.queue_status($1) s)';

export function bringBuyers(
  cluster: SaleCluster,
  event: SaleEvent,
  people: string[],
  random: Random,
): Buyers {
  const told: Told = {
    answered: { entries: [], orders: [] },
    taken: new Map(),
    silent: new Map(),
    tally: new Tally(),
    surprises: [],
  };
  const { tally } = told;
  const { act, sql } = cluster;
  const nextCheckout = dealCheckouts(random);
  /** Those who wait for their turn, and what wakes them. */
  const waiting = new Map<string, () => void>();
  const opening = Promise.withResolvers<void>();

  const expect = <T>(what: string, answer: Answer<T>, ...allowed: string[]): T | null => {
    if (answer.error !== null && !allowed.includes(answer.error))
      told.surprises.push(`${what}: ${answer.error}`);
    return answer.value;
  };

  const fallSilent = async (user: string): Promise<void> => {
    const [place] = await sql<{ id: string; status: string; at: Date }>(
      `with gone as (
         update public.queue_entries set seen_at = seen_at - interval '1 hour' where event_id = $1 and user_id = $2 returning id, status
       ), look as (
         update public.waiting_rooms set due_at = least(due_at, clock_timestamp()) where event_id = $1 and exists (select from gone where status = 'admitted')
       )
       select id, status, clock_timestamp() as at from gone`,
      [event.id, user],
    );
    if (place) told.silent.set(place.id, place.at.getTime());
  };

  /** Orders what is there of the classes in the order of preference; null when nothing is. */
  const order = async (user: string, story: BuyerStory, admission: string | null): Promise<string | null> => {
    for (const kind of story.wants) {
      for (let quantity = story.quantity; quantity > 0; ) {
        const items = JSON.stringify([{ class_id: event.classes[kind]?.id, quantity }]);
        const key = randomUUID();
        const press = () =>
          act<string>(
            user,
            '(private.create_order($1, $2, $3, null, null, $4)).id',
            event.id,
            items,
            key,
            admission,
          );
        const presses = await Promise.all(story.isTwice ? [press(), press()] : [press()]);
        const made = presses.filter(({ value }) => value !== null);
        if (new Set(made.map(({ value }) => value)).size > 1) told.surprises.push('two orders for one key');
        // one may be refused before what somebody gave back is there for the other
        const [first = presses[0]] = made;
        if (first.value !== null) {
          told.answered.orders.push(first.value);
          return first.value;
        }
        if (first.error === 'admission_over') {
          tally.add('admission over before the order');
          return null;
        }
        expect('order', first, 'sold_out');
        tally.add('asked for more than was left');
        quantity = Math.min(quantity - 1, Number(first.details.left ?? 0));
      }
    }
    return null;
  };

  /** The provider reports. What it took is known here, whatever becomes of the report. */
  const report = async (user: string, orderId: string, outcome: 'succeeded' | 'failed', key: string) => {
    const started = await act<string>(null, 'tests.start_payment_once($1, $2)', orderId, key);
    const reference = expect('start of a payment', started, 'payment_expired', 'payment_not_payable');
    if (reference === null) return null;
    return async () => {
      const said = await act<string>(null, 'tests.provider_says($1, $2)', reference, outcome);
      expect('report of the provider', said);
      if (outcome === 'succeeded') {
        const [attempt] = await sql<{ amount: string }>(
          'select amount from public.payment_attempts where reference = $1',
          [reference],
        );
        told.taken.set(user, (told.taken.get(user) ?? 0) + Number(attempt?.amount));
        tally.add(`money: ${said.value}`);
      }
    };
  };
  const pay = async (user: string, orderId: string, outcome: 'succeeded' | 'failed' = 'succeeded') =>
    (await report(user, orderId, outcome, randomUUID()))?.();

  const checkOut: Record<Checkout, (user: string, orderId: string) => Promise<unknown>> = {
    pays: (user, orderId) => pay(user, orderId),
    async 'pays after a refusal'(user, orderId) {
      await pay(user, orderId, 'failed');
      await pay(user, orderId);
    },
    async 'is refused and gives up'(user, orderId) {
      await pay(user, orderId, 'failed');
      await sql('select tests.order_runs_out($1)', [orderId]);
    },
    'orders and abandons it': (_, orderId) => sql('select tests.order_runs_out($1)', [orderId]),
    async 'orders and cancels'(user, orderId) {
      const cancelled = await act(user, 'public.cancel_order($1, 0, $2)', orderId, randomUUID());
      expect('cancelling', cancelled);
    },
    async 'pays too late'(user, orderId) {
      const late = await report(user, orderId, 'succeeded', randomUUID());
      await sql('select tests.order_runs_out($1)', [orderId]);
      await delay(200 + 800 * random.next());
      await late?.();
    },
    async 'pays and returns a ticket'(user, orderId) {
      await pay(user, orderId);
      await delay(300 * random.next());
      const [ticket] = await sql<{ id: string; paid_amount: string }>(
        'select id, paid_amount from public.tickets where order_id = $1 order by number limit 1',
        [orderId],
      );
      if (!ticket) throw new Error(`order ${orderId} was paid in time and has no ticket`);
      const given = await act(
        user,
        'public.cancel_order($1, $2, $3, $4)',
        orderId,
        ticket.paid_amount,
        randomUUID(),
        `{${ticket.id}}`,
      );
      expect('returning', given);
    },
    leaves: async () => {},
    'falls silent': async () => {},
  };

  /** Looks until it is one's turn, woken by what the room tells. */
  const waitForTurn = async (user: string): Promise<Place | null> => {
    for (;;) {
      const place = expect('status', await act<Place>(user, looks, event.id));
      if (place?.status !== 'waiting') return place;
      await new Promise<void>((wake) => waiting.set(user, wake));
      waiting.delete(user);
    }
  };

  const live = async (user: string, story: BuyerStory): Promise<void> => {
    if (!story.isEarly) {
      await opening.promise;
      await delay(3000 * random.next());
    }
    const press = () => act<{ id: string }>(user, joins, event.id);
    const [joined, again] = await Promise.all(story.isTwice ? [press(), press()] : [press()]);
    if (joined.error === 'waiting_room_closed') return tally.add('came too late');
    const entry = expect('joining', joined)?.id;
    if (entry === undefined) return;
    if (again && again.value?.id !== entry) told.surprises.push('two places for one person');
    told.answered.entries.push(entry);
    await opening.promise;
    if (story.patience === 'leaves' || story.patience === 'leaves and joins again') {
      await delay(2000 * random.next());
      expect('leaving', await act(user, 'public.leave_queue($1)', event.id));
      tally.add(story.patience);
      if (story.patience === 'leaves') return;
      const rejoined = await act(user, joins, event.id);
      expect('joining again', rejoined, 'waiting_room_closed');
    }
    if (story.patience === 'falls silent') {
      await delay(2000 * random.next());
      tally.add('falls silent while waiting');
      return fallSilent(user);
    }
    const place = await waitForTurn(user);
    if (place?.status !== 'admitted') return tally.add(`waited: ${place?.status}`);
    const checkout = nextCheckout();
    tally.add(`turn: ${checkout}`);
    if (checkout === 'falls silent') return fallSilent(user);
    const orderId = checkout === 'leaves' ? null : await order(user, story, place.admission_id);
    if (orderId === null) {
      expect('leaving', await act(user, 'public.leave_queue($1)', event.id));
      return;
    }
    await checkOut[checkout](user, orderId);
  };

  return {
    told,
    over: Promise.all(people.map((user) => live(user, writeBuyer(random)))).then(() => {}),
    open: opening.resolve,
    wake(users) {
      for (const user of users) waiting.get(user)?.();
    },
    look(count) {
      const all = [...waiting.keys()];
      for (let i = 0; i < count && all.length > 0; i += 1) {
        void act<Place>(random.pick(all), looks, event.id).then((seen) => expect('status', seen));
      }
    },
  };
}
