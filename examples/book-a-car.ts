// In an app: import { createJourney } from '@journey/sdk'
import { createJourney, type Result } from '../sdk/src/index.ts';

const { API_URL = 'http://127.0.0.1:54321', PUBLISHABLE_KEY = '' } = process.env;
const journey = createJourney({ url: API_URL, publishableKey: PUBLISHABLE_KEY });

function must<T>({ data, error }: Result<T>): T {
  if (error) throw error; // error.code: vehicle_unavailable, quote_expired, …
  return data;
}

// a demo account of supabase/seed.sql, whose licence is verified
must(await journey.auth.signIn({ email: 'renter@journey.example', password: 'journey-demo' }));
const startsAt = new Date(Date.now() + 2 * 86_400_000);
const endsAt = new Date(startsAt.getTime() + 30 * 3_600_000);
const found = must(
  await journey.vehicles.search({ lat: 21.03, lng: 105.85, startsAt, endsAt, instantOnly: true }),
);
const car = found.rows[0];
if (!car) throw new Error('Nothing is free there; is the demo data loaded?');
const quote = must(await journey.quotes.create({ vehicleId: car.vehicle_id, startsAt, endsAt }));
for (const line of quote.lines) console.log(line.code, line.amount);
const booking = must(await journey.bookings.create({ quoteId: quote.id })); // the slot is yours for 15 minutes
const { payment } = must(await journey.bookings.get(booking.id));
const start = must(await journey.payments.start({ paymentId: payment?.id ?? '', provider: 'vnpay' }));
console.log(`${booking.code}: pay ${quote.total_amount} ${quote.currency} at ${start.redirect_url}`);
must(await journey.auth.signOut());
