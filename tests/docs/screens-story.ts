import { addDays, addHours } from 'date-fns';
import type { Journey, VehicleFilters } from '../../sdk/src/index.ts';
import {
  aCar,
  acknowledge,
  admin,
  anyPlate,
  cancelBooking,
  client,
  inspectionPhotos,
  listing,
  moveTrip,
  ok,
  paidBooking,
  period,
  person,
  renter,
  upload,
} from '../support/world.ts';

/** Who looks at a screen. */
export type Viewer = 'visitor' | 'renter' | 'host' | 'buyer' | 'organizer' | 'admin';

/** The people of the screens, and what the calls of the table name. */
export interface Story {
  viewers: Record<Viewer, Journey>;
  names: Record<string, unknown>;
}

const day = (at: Date): string => at.toISOString().slice(0, 10);

/** A trip from hand-over to return, both sides of one mind, and reviewed by both. */
async function drive(
  guest: Awaited<ReturnType<typeof person>>,
  host: Awaited<ReturnType<typeof person>>,
  bookingId: string,
): Promise<void> {
  await moveTrip(bookingId, -1);
  const photos = await inspectionPhotos(guest);
  await ok(guest.journey.bookings.checkIn({ bookingId, odometerKm: 1000, fuelPercent: 80, photos }));
  await acknowledge(host, bookingId, 'check_in');
  const after = await inspectionPhotos(guest);
  await ok(guest.journey.bookings.checkOut({ bookingId, odometerKm: 1100, fuelPercent: 70, photos: after }));
  await acknowledge(host, bookingId, 'check_out');
}

async function rentals(staff: Awaited<ReturnType<typeof admin>>) {
  const [host, guest] = [await person('host'), await renter(staff)];
  const car = await listing(host, staff, { lat: 20.4, lng: 106.4, features: ['gps'] });
  const finished = await paidBooking(guest, car, period(200, 24));
  await drive(guest, host, finished.id);
  await moveTrip(finished.id, -60);
  await ok(guest.journey.reviews.write({ bookingId: finished.id, rating: 5, comment: 'Clean' }));
  await ok(host.journey.reviews.write({ bookingId: finished.id, rating: 5, comment: 'On time' }));
  const second = await paidBooking(guest, car, period(300, 5));
  await drive(guest, host, second.id);
  const complaint = await ok(
    guest.journey.complaints.open({
      payableId: second.id,
      category: 'unclean',
      description: 'The back seat was full of sand.',
      desiredOutcome: 'refund',
      desiredAmount: 200_000,
      evidence: [await upload(guest, 'evidence_image')],
    }),
  );
  await cancelBooking(guest, await paidBooking(guest, car, period(600, 5)));
  const upcoming = await paidBooking(guest, car, period(48, 30));
  const request = await listing(host, staff, { lat: 20.4, lng: 106.4, instant_book: false, kind: 'car' });
  const asked = await ok(guest.journey.quotes.create({ vehicleId: request.id, ...period(60, 5) }));
  await ok(guest.journey.bookings.create({ quoteId: asked.id }));

  const conversation = await ok(guest.journey.chat.openDirect(host.id));
  await ok(guest.journey.chat.send(conversation.id, { body: 'Where do we meet?' }));
  await ok(host.journey.chat.send(conversation.id, { body: 'At the opera house.' }));
  const support = await ok(guest.journey.chat.openSupport());
  await ok(guest.journey.chat.send(support.id, { body: 'A question about my licence.' }));

  await ok(host.journey.vehicles.block({ vehicleId: car.id, ...period(800, 10) }));
  const url = 'https://calendars.example/vehicle.ics';
  await ok(host.journey.vehicles.addExternalCalendar({ vehicleId: car.id, name: 'Elsewhere', url }));
  await ok(
    host.journey.vehicles.setHours(request.id, [
      { weekday: 1, hours: [{ opens: '08:00', closes: '20:00' }] },
    ]),
  );
  return { host, guest, car, upcoming, conversation, complaint };
}

/** What waits for staff. */
async function queues(host: Awaited<ReturnType<typeof person>>, vehicleId: string): Promise<void> {
  const draft = await ok(host.journey.vehicles.create({ ...aCar, plate: anyPlate() }));
  const mediaId = await upload(host, 'vehicle_image');
  await ok(host.journey.vehicles.addImage({ vehicleId: draft.id, mediaId, position: 0 }));
  await ok(host.journey.vehicles.submit(draft.id));
  const newcomer = await person('newcomer');
  await ok(
    newcomer.journey.licences.submit({
      number: `N${crypto.randomUUID().replaceAll('-', '').slice(0, 15)}`,
      fullName: 'Newcomer',
      classes: ['B'],
      validUntil: '2045-12-31',
      dateOfBirth: '1990-05-20',
      issuedOn: '2025-03-01',
      frontMediaId: await upload(newcomer, 'licence'),
      backMediaId: await upload(newcomer, 'licence'),
    }),
  );
  const paper = await upload(host, 'vehicle_document');
  const validUntil = day(addDays(new Date(), 700));
  await ok(
    host.journey.vehicles.submitDocument({ vehicleId, kind: 'insurance', validUntil, mediaId: paper }),
  );
}

async function tickets(staff: Awaited<ReturnType<typeof admin>>) {
  const [organizer, buyer, other] = [await person('organizer'), await person('buyer'), await person('other')];
  const stage = await ok(organizer.journey.organizers.create({ name: `Screens ${Date.now().toString(36)}` }));
  const makeEvent = async (title: string, config: object) => {
    const startsAt = addHours(new Date(), 400);
    const event = await ok(
      organizer.journey.events.create(stage.id, {
        title,
        category: 'music',
        venue: 'Nhà hát Lớn',
        address: '1 Tràng Tiền',
        city: 'Hà Nội',
        starts_at: startsAt.toISOString(),
        ends_at: addHours(startsAt, 3).toISOString(),
      }),
    );
    const kind = await ok(
      organizer.journey.events.addClass(event.id, { name: 'Standing', price: 0, total: 20 }),
    );
    await ok(organizer.journey.events.configure(event.id, { max_per_order: 5, ...config }));
    return { eventId: event.id, classId: kind.id };
  };
  const publish = async ({ eventId }: { eventId: string }) => {
    await ok(staff.journey.events.review({ eventId, approve: true }));
    await ok(organizer.journey.events.publish(eventId));
  };
  const concert = await makeEvent('Screens by night', {});
  await publish(concert);
  const order = await ok(
    buyer.journey.orders.create({
      eventId: concert.eventId,
      items: [{ classId: concert.classId, quantity: 2 }],
    }),
  );
  const busy = await makeEvent('Screens in a row', { waiting_room: true });
  await publish(busy);
  await ok(organizer.journey.waitingRoom.set(busy.eventId, { capacity: 1 }));
  await ok(organizer.journey.waitingRoom.open(busy.eventId));
  await ok(other.journey.waitingRoom.join(busy.eventId));
  await ok(buyer.journey.waitingRoom.join(busy.eventId));
  await makeEvent('Screens to come', {});
  const [ticket] = (await ok(buyer.journey.tickets.list())).rows;
  return { organizer, buyer, stage, concert, busy, order, ticketId: ticket?.id };
}

/** People and what they leave for each screen, beside the demo data, all through the SDK. */
export async function tellStory(): Promise<Story> {
  const staff = await admin();
  const [rental, sale] = await Promise.all([rentals(staff), tickets(staff)]);
  const { host, guest, car, upcoming, conversation, complaint } = rental;
  await queues(host, car.id);

  // where the demo data is
  const place = { lat: 21.0285, lng: 105.8542, radiusM: 20_000 };
  const when = period(2_000, 30);
  const found = await ok(client().vehicles.search({ ...place, ...when }));
  const vehicleId = found.rows[0]?.vehicle_id ?? '';
  await ok(guest.journey.vehicles.setFavourite(vehicleId, true));
  const search: VehicleFilters = { ...place, ...when };
  await ok(guest.journey.savedSearches.save({ name: 'Hà Nội', search }));
  await ok(
    staff.journey.admin.discounts.create({
      code: `S${Date.now().toString(36).toUpperCase()}`,
      title: 'Screens',
      scope: 'rental',
      percent_bps: 1000,
      is_listed: true,
    }),
  );
  const taken = { startsAt: new Date(upcoming.starts_at), endsAt: new Date(upcoming.ends_at) };
  const from = new Date();
  const to = addDays(from, 60);
  return {
    viewers: {
      visitor: client(),
      renter: guest.journey,
      host: host.journey,
      buyer: sale.buyer.journey,
      organizer: sale.organizer.journey,
      admin: staff.journey,
    },
    names: {
      place,
      box: { minLat: 20.9, maxLat: 21.15, minLng: 105.7, maxLng: 106 },
      period: when,
      takenPeriod: taken,
      vehicleId,
      from,
      to,
      fromDay: day(from),
      toDay: day(to),
      bookingId: upcoming.id,
      ownVehicleId: car.id,
      hostId: host.id,
      conversationId: conversation.id,
      complaintId: complaint.id,
      eventId: sale.concert.eventId,
      busyEventId: sale.busy.eventId,
      orderId: sale.order.id,
      ticketId: sale.ticketId,
      organizerId: sale.stage.id,
    },
  };
}
