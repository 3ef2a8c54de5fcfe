import { randomInt } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { addDays, addHours, addMinutes, startOfMinute } from 'date-fns';
import type { InspectionAngle, Notification } from '../../sdk/src/index.ts';
import type { StackEnvironment } from '../environment.ts';
import { money, Narrator } from './narrator.ts';
import { type Person, signInAdmin, signUp, uploadAll } from './people.ts';
import { tellSale } from './sale.ts';
import { tellTalk } from './talk.ts';

const angles: readonly InspectionAngle[] = ['front', 'rear', 'left', 'right', 'dashboard'];

interface Mail {
  to: string[];
  subject: string;
}

/**
 * The rental path and a sale of tickets as a story, through the SDK, on the running stack. Answers whether every step came out
 * as it should.
 */
export async function runTour(environment: StackEnvironment, tell = new Narrator()): Promise<boolean> {
  const people: Person[] = [];
  try {
    await tellRental(environment, tell, people);
    tell.say('');
    tell.say(
      `The whole story took ${((performance.now() - tell.began) / 1000).toFixed(1)} s. Where to look:`,
    );
    tell.say(`  mails            ${environment.MAIL_URL}`);
    tell.say(`  payment sandbox  ${environment.SANDBOX_URL}`);
    tell.say(`  health           ${environment.FUNCTIONS_URL}/health`);
    tell.say(`  database         ${environment.DB_URL}`);
    return true;
  } catch (error) {
    tell.say(`✗ ${error instanceof Error ? error.message : String(error)}`);
    return false;
  } finally {
    for (const person of people) {
      await person.journey.supabase.removeAllChannels();
      await person.journey.supabase.auth.stopAutoRefresh();
    }
  }
}

async function tellRental(environment: StackEnvironment, tell: Narrator, people: Person[]): Promise<void> {
  tell.chapter('Two people sign up');
  const host = await signUp(tell, environment, 'Host');
  const renter = await signUp(tell, environment, 'Renter');
  const admin = await signInAdmin(tell, environment);
  people.push(host, renter, admin);

  tell.chapter('The renter listens: one private Realtime topic per person');
  const received: Notification[] = [];
  const subscription = await tell.call('Renter: notifications.subscribe({ onNotification })', () =>
    renter.journey.notifications.subscribe({ onNotification: (notification) => received.push(notification) }),
  );

  tell.chapter('The host lists a car, and an admin publishes it');
  const vehicle = await tell.call('Host: vehicles.create({ brand, model, price_per_day, lat, lng, … })', () =>
    host.journey.vehicles.create({
      kind: 'car',
      brand: 'Toyota',
      model: 'Vios',
      year: 2023,
      seats: 5,
      transmission: 'automatic',
      fuel: 'petrol',
      title: 'Toyota Vios giữa phố cổ',
      city: 'Hà Nội',
      price_per_hour: 90_000,
      price_per_day: 800_000,
      weekend_bps: 1000,
      security_deposit: 3_000_000,
      lat: 21.0338,
      lng: 105.85,
      address: '1 Hàng Ngang, Hà Nội',
      // a plate is of one listing, and the tour may run again on the same data
      plate: `30A-${randomInt(100, 1000)}.${randomInt(10, 100)}`,
      features: ['bluetooth', 'air_conditioning'],
    }),
  );
  const [cover, side] = await uploadAll(tell, host, 'vehicle_image', ['cover', 'side']);
  for (const [position, mediaId] of [cover, side].entries()) {
    await tell.call(`Host: vehicles.addImage({ vehicleId, mediaId, position: ${position} })`, () =>
      host.journey.vehicles.addImage({ vehicleId: vehicle.id, mediaId: mediaId ?? '', position }),
    );
  }
  const { revision } = await tell.call('Host: vehicles.submit(vehicleId)', () =>
    host.journey.vehicles.submit(vehicle.id),
  );
  await tell.call("admin: admin.reviewVehicle({ vehicleId, decision: 'publish', revision })", () =>
    admin.journey.admin.reviewVehicle({ vehicleId: vehicle.id, decision: 'publish', revision }),
  );

  tell.chapter("The renter's driver licence is submitted and verified");
  const [frontMediaId = '', backMediaId = ''] = await uploadAll(tell, renter, 'licence', ['front', 'back']);
  const licence = await tell.call("Renter: licences.submit({ number, classes: ['B'], … })", () =>
    renter.journey.licences.submit({
      number: `0${Date.now()}`,
      fullName: 'Renter',
      classes: ['B'],
      validUntil: '2040-12-31',
      dateOfBirth: '1990-05-20',
      issuedOn: '2025-03-01',
      frontMediaId,
      backMediaId,
    }),
  );
  await tell.call("admin: admin.reviewLicence({ licenceId, decision: 'verify' })", () =>
    admin.journey.admin.reviewLicence({ licenceId: licence.id, decision: 'verify' }),
  );

  tell.chapter('Search finds it: near a point, free for the whole period');
  const startsAt = addMinutes(startOfMinute(new Date()), 30);
  const endsAt = addHours(startsAt, 27);
  const page = await tell.call(
    "Renter: vehicles.search({ lat, lng, startsAt, endsAt, query: 'vios pho co' })",
    () =>
      renter.journey.vehicles.search({
        lat: 21.03,
        lng: 105.852,
        radiusM: 5000,
        startsAt,
        endsAt,
        query: 'vios pho co',
      }),
  );
  const hit = page.rows.find((item) => item.vehicle_id === vehicle.id);
  tell.check(hit !== undefined, 'the search did not find the listing');
  tell.say(`${hit.title}, ${Math.round(hit.distance_m)} m away, ${money(hit.price_per_day)} a day`);

  tell.chapter('A quote: itemised, stored, valid for ten minutes');
  const quote = await tell.call('Renter: quotes.create({ vehicleId, startsAt, endsAt, options })', () =>
    renter.journey.quotes.create({
      vehicleId: vehicle.id,
      startsAt,
      endsAt,
      options: { insurance: 'basic' },
    }),
  );
  for (const line of quote.lines) tell.say(`${line.code.padEnd(22)} ${money(line.amount).padStart(16)}`);
  tell.say(`${'total'.padEnd(22)} ${money(quote.total_amount).padStart(16)}`);

  tell.chapter('The booking holds the slot for 15 minutes; repeating it changes nothing');
  const idempotencyKey = crypto.randomUUID();
  const booking = await tell.call('Renter: bookings.create({ quoteId }, { idempotencyKey })', () =>
    renter.journey.bookings.create({ quoteId: quote.id }, { idempotencyKey }),
  );
  const again = await tell.call('Renter: bookings.create({ quoteId }, { idempotencyKey })  // again', () =>
    renter.journey.bookings.create({ quoteId: quote.id }, { idempotencyKey }),
  );
  tell.check(again.id === booking.id, 'a repeat made another booking');
  tell.say(`booking ${booking.code} is ${booking.status}`);
  await tell.refused('Renter: quotes.create({ the same vehicle and period })', 'already_held', () =>
    renter.journey.quotes.create({ vehicleId: vehicle.id, startsAt, endsAt }),
  );

  tell.chapter('Payment with VNPay: a redirect URL and a QR; the sandbox pays and calls our webhook');
  const open = await tell.call('Renter: bookings.get(bookingId)', () =>
    renter.journey.bookings.get(booking.id),
  );
  tell.check(open.payment != null, 'the booking has no payment');
  const payment = open.payment;
  const methods = await tell.call('Renter: payments.methods()', () => renter.journey.payments.methods());
  tell.say(`ways to pay: ${methods.map((method) => method.provider).join(', ')}`);
  const start = await tell.call("Renter: payments.start({ paymentId, provider: 'vnpay' })", () =>
    renter.journey.payments.start({ paymentId: payment.id, provider: 'vnpay' }),
  );
  tell.say(`pay at ${start.redirect_url.slice(0, 70)}…`);
  const pay = async (provider: string, how: Record<string, unknown>): Promise<void> => {
    const paid = await fetch(`${environment.SANDBOX_URL}/${provider}/api/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...how, outcome: 'success' }),
    });
    tell.check(paid.ok, `the sandbox answered ${paid.status}: ${await paid.clone().text()}`);
  };
  await pay('vnpay', { redirectUrl: start.redirect_url });
  const settled = await tell.call('Renter: payments.waitUntilFinal(paymentId)', () =>
    renter.journey.payments.waitUntilFinal(payment.id),
  );
  tell.check(settled.payment.status === 'succeeded', `the payment is ${settled.payment.status}`);
  const confirmed = await tell.call('Renter: bookings.get(bookingId)', () =>
    renter.journey.bookings.get(booking.id),
  );
  tell.check(confirmed.booking.status === 'confirmed', `the booking is ${confirmed.booking.status}`);
  tell.say(
    `booking ${booking.code} is ${confirmed.booking.status}; pick up at ${confirmed.location?.address}`,
  );

  tell.chapter('Everybody is notified: a row, a live message, and a mail through the outbox');
  await tell.wait('the renter received it over Realtime', async () =>
    received.some((notification) => notification.template === 'booking_confirmed_renter'),
  );
  const unread = await tell.call('Host: notifications.unreadCount()', () =>
    host.journey.notifications.unreadCount(),
  );
  tell.say(`the host has ${unread} unread notifications`);
  const mail = await tell.wait('the confirmation is in the mail catcher', async () => {
    const answer = await fetch(`${environment.MAIL_URL}/api/messages?to=${encodeURIComponent(renter.email)}`);
    const messages = (await answer.json()) as Mail[];
    return messages.find((message) => message.subject.includes(`${booking.code} confirmed`));
  });
  tell.say(`“${mail.subject}”`);
  const receipt = await tell.wait('a receipt was issued, to print or to keep', async () => {
    const { data } = await renter.journey.receipts.list();
    return data?.rows[0];
  });
  tell.say(`receipt ${receipt.number} over ${money(receipt.total)}, deposit not included`);

  await tellTalk(environment, tell, host, renter, booking.code);

  tell.chapter('The trip: photos at check-in and check-out, acknowledged by the other side');
  // an inspection counts once the other side agrees
  const acknowledge = async (kind: string) => {
    const seenByHost = await tell.call('Host: bookings.get(bookingId)', () =>
      host.journey.bookings.get(booking.id),
    );
    const inspection = seenByHost.inspections.find((one) => one.kind === kind);
    tell.check(inspection !== undefined, `there is no ${kind}`);
    await tell.call(`Host: bookings.acknowledgeInspection(${kind})`, () =>
      host.journey.bookings.acknowledgeInspection(inspection.id),
    );
  };
  const before = await uploadAll(tell, renter, 'inspection', angles);
  await tell.call('Renter: bookings.checkIn({ bookingId, odometerKm, fuelPercent, photos })', () =>
    renter.journey.bookings.checkIn({
      bookingId: booking.id,
      odometerKm: 42_000,
      fuelPercent: 90,
      photos: before.map((mediaId, index) => ({ mediaId, angle: angles[index] ?? 'front' })),
    }),
  );
  await acknowledge('check_in');
  const after = await uploadAll(tell, renter, 'inspection', angles);
  await tell.call('Renter: bookings.checkOut({ … })', () =>
    renter.journey.bookings.checkOut({
      bookingId: booking.id,
      odometerKm: 42_180,
      fuelPercent: 85,
      photos: after.map((mediaId, index) => ({ mediaId, angle: angles[index] ?? 'front' })),
    }),
  );
  await acknowledge('check_out');
  const completed = await tell.call('Renter: bookings.get(bookingId)', () =>
    renter.journey.bookings.get(booking.id),
  );
  tell.check(completed.booking.status === 'completed', `the booking is ${completed.booking.status}`);

  tell.chapter('The money: the host has earned the rent, the deposit goes back');
  await tell.call('Host: bookings.releaseDeposit(bookingId)', () =>
    host.journey.bookings.releaseDeposit(booking.id),
  );
  const { host_amount } = await tell.call('Host: bookings.get(bookingId)', () =>
    host.journey.bookings.get(booking.id),
  );
  const [balance] = await tell.call('Host: payouts.balance()', () => host.journey.payouts.balance());
  tell.check(
    balance?.pending === host_amount,
    `what the host has earned is ${balance?.pending}, not ${host_amount}`,
  );
  tell.say(`earned by the host, to be paid out from the booked end on: ${money(balance.pending)}`);
  const returned = await tell.wait('the provider has returned the deposit', async () => {
    const { data } = await renter.journey.payments.status(payment.id);
    return data?.refunds.find((refund) => refund.kind === 'deposit' && refund.status === 'succeeded');
  });
  tell.say(`returned to the renter: ${money(returned.amount)}`);

  tell.chapter('Another way to pay: a bank transfer by QR, here in two parts');
  const next = { startsAt: addDays(startsAt, 30), endsAt: addDays(endsAt, 30) };
  const secondQuote = await tell.call('Renter: quotes.create({ a month later })', () =>
    renter.journey.quotes.create({ vehicleId: vehicle.id, ...next }),
  );
  const second = await tell.call('Renter: bookings.create({ quoteId })', () =>
    renter.journey.bookings.create({ quoteId: secondQuote.id }),
  );
  const { payment: due } = await tell.call('Renter: bookings.get(bookingId)', () =>
    renter.journey.bookings.get(second.id),
  );
  tell.check(due != null, 'the booking has no payment');
  const transfer = await tell.call("Renter: payments.start({ paymentId, provider: 'vietqr' })", () =>
    renter.journey.payments.start({ paymentId: due.id, provider: 'vietqr' }),
  );
  tell.say(`transfer ${money(due.amount)} with the message ${transfer.details.transfer.message}`);
  const part = Math.floor(due.amount / 3);
  await pay('vietqr', { qr: transfer.qr.payload, amount: part });
  const waiting = await tell.call('Renter: payments.check(paymentId)', () =>
    renter.journey.payments.check(due.id),
  );
  tell.say(`${money(part)} came: the payment is ${waiting.payment.status}, the rest may follow`);
  await pay('vietqr', { qr: transfer.qr.payload, amount: due.amount - part });
  const complete = await tell.call('Renter: payments.waitUntilFinal(paymentId)', () =>
    renter.journey.payments.waitUntilFinal(due.id),
  );
  tell.check(complete.payment.status === 'succeeded', `the payment is ${complete.payment.status}`);
  tell.say(`the rest came: the payment is ${complete.payment.status}`);

  await tellSale(environment, tell, people, admin);

  tell.chapter('And every promise holds');
  const broken = await tell.call('admin: admin.checkInvariants()', () =>
    admin.journey.admin.checkInvariants(),
  );
  tell.check(broken.length === 0, `broken: ${JSON.stringify(broken)}`);
  const unproven = await tell.call('admin: admin.ledger.reconcile()', () =>
    admin.journey.admin.ledger.reconcile(),
  );
  tell.check(unproven.length === 0, `unproven: ${JSON.stringify(unproven)}`);
  tell.say('no row: nothing is broken, and every movement of money is explained');
  subscription.unsubscribe();
}

// Run it by hand against a running stack: `node local/tour/run.ts` with the variables of .local/env.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = (await runTour(process.env as unknown as StackEnvironment)) ? 0 : 1;
}
