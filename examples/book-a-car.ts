// In an app: import { createJourney } from '@journey/sdk'
import { createJourney, priceLineText, type Result } from '../sdk/src/index.ts';

const { API_URL = 'http://127.0.0.1:54321', PUBLISHABLE_KEY = '' } = process.env;
const journey = createJourney({ url: API_URL, publishableKey: PUBLISHABLE_KEY });

function must<T>({ data, error }: Result<T>): T {
  if (error) throw error; // error.code: vehicle_unavailable, quote_expired, …
  return data;
}

/** What is free for 30 hours, from the day after tomorrow on. */
async function findCar() {
  for (let day = 2; day < 60; day += 2) {
    const startsAt = new Date(Date.now() + day * 86_400_000);
    const endsAt = new Date(startsAt.getTime() + 30 * 3_600_000);
    const search = { lat: 21.03, lng: 105.85, startsAt, endsAt, instantOnly: true };
    const [car] = must(await journey.vehicles.search(search)).rows;
    if (car) return { vehicleId: car.vehicle_id, startsAt, endsAt };
  }
  throw new Error('Nothing is free there; is the demo data loaded?');
}

// a demo account of supabase/seed.sql, whose licence is verified
must(await journey.auth.signIn({ email: 'renter@journey.example', password: 'journey-demo' }));

// what an earlier run left unpaid; an app would offer to go on with it
for await (const held of journey.bookings.list({ role: 'renter', statuses: ['pending_payment'] })) {
  const unpaid = { bookingId: must(held).id, expectedRefundAmount: 0, reason: 'Not needed any more' };
  await journey.bookings.cancel(unpaid); // an error: it has just expired, or was paid
}

const quote = must(await journey.quotes.create(await findCar()));
for (const line of quote.lines) console.log(priceLineText(line.code, 'en'), line.amount);
const booking = must(await journey.bookings.create({ quoteId: quote.id })); // the slot is yours for 15 minutes
const { payment } = must(await journey.bookings.get(booking.id));
const start = must(await journey.payments.start({ paymentId: payment?.id ?? '', provider: 'vnpay' }));
console.log(`${booking.code}: pay ${quote.total_amount} ${quote.currency} at ${start.redirect_url}`);
must(await journey.auth.signOut());
await journey.close();
