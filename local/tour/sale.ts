import { addDays, addHours } from 'date-fns';
import {
  type Notification,
  type PaymentProvider,
  type QueueStatus,
  type QueueSubscription,
  readTicketCode,
} from '../../sdk/src/index.ts';
import type { StackEnvironment } from '../environment.ts';
import { delay } from '../process.ts';
import { buy, type Crowd, gather } from './crowd.ts';
import { money, type Narrator } from './narrator.ts';
import { type Person, signUp } from './people.ts';

const crowdSize = 1997;
const tickets = 200;
const capacity = 8;
const price = 350_000;
const rails: readonly PaymentProvider[] = ['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr'];

/** An event with one kind of ticket, on sale through a waiting room. */
async function announce(
  tell: Narrator,
  organizer: Person,
  admin: Person,
): Promise<{ eventId: string; classId: string }> {
  const { journey } = organizer;
  const stage = await tell.call('Organizer: organizers.create({ name })', () =>
    journey.organizers.create({ name: `Red River Stage ${Date.now().toString(36)}` }),
  );
  const startsAt = addDays(new Date(), 60);
  const event = await tell.call('Organizer: events.create(organizerId, { title, venue, starts_at, … })', () =>
    journey.events.create(stage.id, {
      title: 'Đêm nhạc mùa đông',
      category: 'music',
      venue: 'Nhà hát Lớn',
      address: '1 Tràng Tiền',
      city: 'Hà Nội',
      starts_at: startsAt.toISOString(),
      ends_at: addHours(startsAt, 3).toISOString(),
    }),
  );
  const kind = await tell.call(
    `Organizer: events.addClass(eventId, { name, price: ${price}, total: ${tickets} })`,
    () => journey.events.addClass(event.id, { name: 'Standing', price, total: tickets }),
  );
  await tell.call('Organizer: events.configure(eventId, { waiting_room: true, max_per_user: 5 })', () =>
    journey.events.configure(event.id, { waiting_room: true, max_per_order: 5, max_per_user: 5 }),
  );
  await tell.call('admin: events.review({ eventId, approve: true })', () =>
    admin.journey.events.review({ eventId: event.id, approve: true }),
  );
  await tell.call('Organizer: events.publish(eventId)', () => journey.events.publish(event.id));
  await tell.call(`Organizer: waitingRoom.set(eventId, { capacity: ${capacity}, opensAt })`, () =>
    journey.waitingRoom.set(event.id, { capacity, opensAt: addDays(new Date(), 1) }),
  );
  await tell.call('Organizer: waitingRoom.open(eventId)', () => journey.waitingRoom.open(event.id));
  return { eventId: event.id, classId: kind.id };
}

/** Lets everybody buy whose turn it is, until the room is closed. Answers how many bought, and how many left without an order. */
async function sell(
  environment: StackEnvironment,
  crowd: Crowd,
  visible: Map<string, Person>,
  sale: { eventId: string; classId: string },
): Promise<{ orders: number; left: number }> {
  const { eventId, classId } = sale;
  const seen = new Set<string>();
  const buying = new Set<Promise<void>>();
  let orders = 0;
  let left = 0;
  let turn = 0;
  let failure: unknown;
  const take = async (user: string): Promise<void> => {
    turn += 1;
    const mine = turn;
    const own = visible.get(user);
    const journey = own?.journey ?? (await crowd.client(user));
    try {
      if (mine % 9 === 0 && !own) {
        // who changes their mind gives the slot to the next
        await journey.waitingRoom.leave(eventId);
        left += 1;
        return;
      }
      const provider = rails[mine % rails.length] ?? 'vnpay';
      const purchase = {
        eventId,
        classId,
        quantity: 2 + (mine % 4),
        provider,
        isRefusedOnce: provider === 'vnpay',
      };
      if (await buy(environment, journey, purchase)) orders += 1;
      else left += 1;
    } finally {
      if (!own) await journey.close();
    }
  };
  for (;;) {
    const rows = await crowd.sql<{ user_id: string | null; status: string }>(
      `select r.status, e.user_id from public.waiting_rooms r
       left join public.queue_entries e on e.event_id = r.event_id and e.status = 'admitted' and e.order_id is null
       where r.event_id = $1`,
      eventId,
    );
    for (const { user_id: user } of rows) {
      if (user === null || seen.has(user)) continue;
      seen.add(user);
      const one: Promise<void> = take(user)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => buying.delete(one));
      buying.add(one);
    }
    if (failure) throw failure;
    if (rows[0]?.status === 'closed') break;
    // phones of the crowd look now and then; whoever looks also moves on what is due
    const lookers = Array.from(
      { length: 4 },
      () => crowd.people[Math.floor(Math.random() * crowd.people.length)] ?? '',
    );
    await crowd.each(lookers, 'status from public.queue_status($1)', eventId);
    await delay(60);
  }
  await Promise.all(buying);
  if (failure) throw failure;
  return { orders, left };
}

/** 200 tickets, 2,000 people, and a waiting room: three of them are watched, the others are many. */
export async function tellSale(
  environment: StackEnvironment,
  tell: Narrator,
  people: Person[],
  admin: Person,
): Promise<void> {
  tell.chapter('A concert: 200 tickets, sold through a waiting room');
  const organizer = await signUp(tell, environment, 'Organizer');
  people.push(organizer);
  const { eventId, classId } = await announce(tell, organizer, admin);

  tell.chapter('2,000 people come before the sale; who is first is decided when it opens');
  const room = await tell.call('anybody: waitingRoom.get(eventId)', () =>
    organizer.journey.waitingRoom.get(eventId),
  );
  tell.say(`promised before anybody joins: the seed has the hash ${room.seed_hash.slice(0, 16)}…`);
  const crowd = await gather(environment, crowdSize);
  const watches: QueueSubscription[] = [];
  try {
    const visible = new Map<string, Person>();
    const places = new Map<string, QueueStatus>();
    const entries = new Map<string, string>();
    const news: Notification[] = [];
    for (const name of ['An', 'Binh', 'Chi']) {
      const person = await signUp(tell, environment, name);
      people.push(person);
      visible.set(person.id, person);
      const joined = await tell.call(`${name}: waitingRoom.join(eventId)`, () =>
        person.journey.waitingRoom.join(eventId),
      );
      entries.set(person.id, joined.id);
      const watch = await tell.call(`${name}: waitingRoom.watch(eventId, { onStatus, onAdmitted })`, () =>
        person.journey.waitingRoom.watch(eventId, {
          onStatus: (status) => places.set(person.id, status),
        }),
      );
      watches.push(watch);
      await person.journey.notifications.subscribe({
        onNotification: (notification) => news.push(notification),
      });
    }
    const began = performance.now();
    await crowd.each(crowd.people, 'id from public.join_queue($1)', eventId);
    const seconds = (performance.now() - began) / 1000;
    tell.say(
      `${crowdSize.toLocaleString('de-DE')} others joined in ${seconds.toFixed(1)} s; nobody has a number yet`,
    );

    tell.chapter('The sale opens: the pre-queue is shuffled, and everybody can check it');
    await tell.call('Organizer: waitingRoom.set(eventId, { opensAt: now })', () =>
      organizer.journey.waitingRoom.set(eventId, { capacity, opensAt: new Date() }),
    );
    for (const [id, person] of visible) {
      const proof = await tell.call(`${person.name}: waitingRoom.verifyShuffle(eventId, entryId)`, () =>
        person.journey.waitingRoom.verifyShuffle(eventId, entries.get(id)),
      );
      tell.check(proof.valid, 'the shuffle is not the promised one');
      tell.say(
        `the seed is the promised one and gives ${person.name} number ${proof.number} of ${proof.places}`,
      );
    }

    tell.chapter(`The sale: ${capacity} people buy at a time, and pay by all rails`);
    const selling = sell(environment, crowd, visible, { eventId, classId });
    let isSelling = true;
    const ended = selling.finally(() => {
      isSelling = false;
    });
    // a failure is told where it is awaited
    ended.catch(() => {});
    while (isSelling) {
      const { data: sales } = await organizer.journey.checkIn.sales(eventId);
      const [kind] = sales?.classes ?? [];
      // what the broadcast of the queue told one who waits
      const [seen] = [...places.values()].sort((a, b) => b.serving_number - a.serving_number);
      if (kind && seen)
        tell.live(
          `serving number ${seen.serving_number} · admitted ${seen.admitted_count} · waiting ${seen.waiting} · sold ${kind.sold} of ${kind.total}`,
        );
      await Promise.race([delay(1000), ended.catch(() => {})]);
    }
    const { orders, left } = await ended;
    tell.say(`${orders} orders, by ${rails.join(', ')}; ${left} whose turn it was left without one`);

    tell.chapter('Sold out: 200 valid tickets, and everybody is told');
    const sales = await tell.call('Organizer: checkIn.sales(eventId)', () =>
      organizer.journey.checkIn.sales(eventId),
    );
    const [kind] = sales.classes;
    tell.check(kind?.sold === tickets && kind.left === 0, `sold are ${kind?.sold}, left ${kind?.left}`);
    tell.check(kind.revenue === tickets * price, `the revenue is ${kind.revenue}`);
    tell.say(`sold ${kind.sold}, left ${kind.left}, ${money(kind.revenue)}`);
    const issued = await crowd.sql<{ id: string; holder_id: string }>(
      "select id, holder_id from public.tickets where event_id = $1 and status = 'valid'",
      eventId,
    );
    const keys = await tell.call('anybody: tickets.keys()  // public, once', () =>
      organizer.journey.tickets.keys(),
    );
    const genuine = new Set<string>();
    const unread = [...issued];
    const read = async (): Promise<void> => {
      for (let one = unread.pop(); one; one = unread.pop()) {
        const own = visible.get(one.holder_id);
        const journey = own?.journey ?? (await crowd.client(one.holder_id));
        const { data, error } = await journey.tickets.code(one.id);
        if (!own) await journey.close();
        if (error) throw error;
        const { claims } = await readTicketCode(data.code, keys);
        if (claims?.eventId === eventId) genuine.add(claims.ticketId);
      }
    };
    await Promise.all(Array.from({ length: 8 }, read));
    tell.check(genuine.size === tickets, `${genuine.size} of ${issued.length} codes are genuine`);
    tell.say(`${genuine.size} codes, each checked without a connection: readTicketCode(code, keys)`);
    // the job of the minute, a little early
    await crowd.sql('select private.tidy_queues()');
    const [told] = await crowd.sql<{ waited: number; told: number }>(
      `select count(*) filter (where e.end_reason = 'sold_out')::int as waited,
         count(*) filter (where e.end_reason = 'sold_out' and exists (
           select from public.notifications n where n.user_id = e.user_id and n.template = 'queue_sold_out'))::int as told
       from public.queue_entries e where e.event_id = $1`,
      eventId,
    );
    tell.check(told !== undefined && told.told === told.waited, `${told?.told} of ${told?.waited} were told`);
    tell.say(`${told.waited.toLocaleString('de-DE')} waited in vain, and each was told: “Sold out”`);
    const unserved = [...visible.keys()].filter((id) => !issued.some(({ holder_id }) => holder_id === id));
    if (unserved.length > 0)
      await tell.wait('those who are watched heard it live', async () =>
        unserved.every((id) =>
          news.some(({ user_id, template }) => user_id === id && template === 'queue_sold_out'),
        ),
      );
    const figures = await tell.call('Organizer: waitingRoom.analytics(eventId)', () =>
      organizer.journey.waitingRoom.analytics(eventId),
    );
    tell.say(`joined ${figures.joined}, admitted ${figures.admitted}, bought ${figures.converted}`);
  } finally {
    for (const watch of watches) watch.unsubscribe();
    await crowd.close();
  }
}
