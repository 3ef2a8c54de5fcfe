import { randomUUID } from 'node:crypto';
import { extensionFacts, pricingFacts } from '../../supabase/functions/_shared/contracts/pricing-facts.ts';
import { type Priced, priceExtension, priceRental } from '../../supabase/functions/_shared/pricing/index.ts';
import { splitExtension, splitPrice } from '../../supabase/functions/quote/split-price.ts';
import type { Random } from './random.ts';
import type { Town, Trip } from './rental-town.ts';
import type { Answer, SaleCluster } from './sale-cluster.ts';

export interface Play {
  cluster: SaleCluster;
  town: Town;
  random: Random;
  /** Bookings that were made, the newest last. */
  bookings: string[];
}

/** Something that somebody does. */
export interface Command {
  /** Codes of the registry that may answer it; everything else is a surprise. */
  refusals: readonly string[];
  run(play: Play, trip: Trip): Promise<Answer>;
}

const nothing: Answer = { value: null, error: null, details: {} };
const hour = 3_600_000;

const notRentable = [
  'vehicle_unavailable',
  'already_held',
  'too_many_open_bookings',
  'too_many_days_held',
  'own_vehicle',
  'booking_not_possible',
  'period_in_past',
  'quote_expired',
  'quote_used',
];
const discounts = ['discount_not_found', 'discount_used_up', 'discount_already_used'];
const moved = ['illegal_transition'];

/** Prices something as the function `quote` does, and stores it; then `use` is what its renter does with it. */
async function quoted(
  { act }: SaleCluster,
  facts: Answer,
  price: (facts: unknown) => {
    priced: Priced & { host_amount: number; platform_amount: number };
    rest: object[];
  },
  store: { text: string; values: unknown[] },
  use: { user: string; text: string },
): Promise<Answer> {
  if (facts.error !== null) return facts;
  const { priced, rest } = price(facts.value);
  const stored = await act<{ id: string }>(
    null,
    store.text,
    ...store.values,
    JSON.stringify(priced),
    ...rest.map((part) => JSON.stringify(part)),
  );
  if (stored.error !== null) return stored;
  return act(use.user, use.text, stored.value?.id, randomUUID());
}

const otherOf = ({ renter, host }: Trip, one: string): string => (one === host ? renter : host);
const anySide = ({ random }: Play, { renter, host }: Trip): string => (random.chance(0.5) ? renter : host);
const reason = 'as it was seen';

async function inspect(play: Play, trip: Trip, kind: 'check_in' | 'check_out'): Promise<Answer> {
  const { cluster, random } = play;
  const user = anySide(play, trip);
  const photos = await cluster.act(null, 'tests.photos($1)', user);
  if (photos.error !== null) return photos;
  const odometer = kind === 'check_in' ? 1000 : 1000 + random.whole(0, 900);
  return cluster.act(
    user,
    `(public.${kind}($1, $2, $3, $4, $5)).status`,
    ...[trip.id, odometer, random.whole(20, 100), JSON.stringify(photos.value), randomUUID()],
  );
}

/** A try at paying, and what the provider says of it: mostly once, that it is paid. */
async function pay({ cluster, random }: Play, payable: string): Promise<Answer> {
  const begun = await cluster.act<string>(null, 'tests.begin_payment($1)', payable);
  if (begun.error !== null || begun.value === null) return begun;
  const outcome = random.weighted([
    [16, 'succeeded'],
    [2, 'failed'],
    [1, 'silent'],
  ]);
  if (outcome === 'silent') return nothing;
  const said = await cluster.act(null, 'tests.provider_says($1, $2)', begun.value, outcome);
  if (said.error !== null || !random.chance(0.1)) return said;
  return cluster.act(null, 'tests.provider_says($1, $2)', begun.value, outcome);
}

/** Staff takes a complaint and decides it, for what the preview shows. */
async function decideComplaint({ cluster, town, random }: Play, id: string): Promise<Answer> {
  const { act } = cluster;
  const { admin } = town;
  const taken = await act(admin, '(public.assign_complaint($1)).status', id);
  if (taken.error !== null) return taken;
  if (random.chance(0.3)) return act(admin, '(public.reject_complaint($1, $2)).status', id, reason);
  await act(null, 'tests.step_up($1)', admin);
  await cluster.sql('update public.complaints set statement_until = now() where id = $1', [id]);
  const left = await act<Record<string, number>>(admin, 'public.preview_resolution($1)', id);
  if (left.error !== null) return left;
  const share = random.pick([0, 0.3, 1]);
  const refund = Math.floor((left.value?.refundable_amount ?? 0) * share);
  const deposit = Math.floor((left.value?.deposit_left ?? 0) * random.pick([0, 0.5, 1]));
  const preview = await act<Record<string, number>>(
    admin,
    'public.preview_resolution($1, $2, $3)',
    id,
    refund,
    deposit,
  );
  if (preview.error !== null) return preview;
  return act(
    admin,
    '(public.resolve_complaint($1, $2, $3, $4, $5, $6)).status',
    ...[id, reason, preview.value?.host_change, randomUUID(), refund, deposit],
  );
}

const complaintRefusals = [
  'illegal_transition',
  'complaint_amount_too_high',
  'complaint_amounts_changed',
  'deposit_not_enough',
  'complaint_not_found',
];
const payRefusals = [
  'payment_not_payable',
  'payment_expired',
  // the rest of a charge may be less than a provider takes
  'payment_amount_unsupported',
  'booking_not_extendable',
  'money_frozen',
  'vehicle_unavailable',
];
const extendRefusals = [
  ...notRentable,
  'booking_not_extendable',
  'money_frozen',
  'extension_open',
  'period_invalid',
  'period_too_long',
  'booking_not_found',
];

/** What is done to one trip. */
export const tripCommands = {
  answer: {
    refusals: [...moved, 'hold_expired', 'vehicle_unavailable'],
    run: ({ cluster, random }, { id, host }) =>
      cluster.act(host, '(public.answer_booking($1, $2, $3)).status', id, random.chance(0.85), randomUUID()),
  },
  pay: { refusals: payRefusals, run: (play, { id }) => pay(play, id) },
  cancel: {
    refusals: ['booking_not_cancellable', 'refund_changed', 'money_frozen'],
    run: (play, trip) =>
      play.cluster.act(
        anySide(play, trip),
        `(public.cancel_booking($1, (public.cancel_booking_preview($1) ->> 'refund_amount')::bigint, $2, $3)).status`,
        ...[trip.id, reason, randomUUID()],
      ),
  },
  runOut: { refusals: [], run: ({ cluster }, { id }) => cluster.act(null, 'tests.let_run_out($1)', id) },
  travel: {
    refusals: [],
    run: ({ cluster, random }, { id }) => {
      const hours = random.weighted([
        [6, -random.next() * 2],
        [3, -2 - random.next() * 3],
        [1, -130 - random.next() * 200],
      ]);
      return cluster.act(null, 'tests.travel($1, $2)', id, hours);
    },
  },
  extend: {
    refusals: extendRefusals,
    run: async ({ cluster, random }, { id, renter, ends_at }) => {
      const end = new Date(new Date(ends_at).getTime() + random.whole(1, 30) * hour);
      const facts = await cluster.act(null, 'private.extension_facts($1, $2, $3)', renter, id, end);
      return quoted(
        cluster,
        facts,
        (found) => {
          const { agreed, extended } = extensionFacts.parse(found);
          const price = priceExtension(agreed, extended);
          return { priced: { ...price, ...splitExtension(agreed, extended) }, rest: [agreed, extended] };
        },
        { text: 'public.store_extension_quote($1, $2, $3, $4, $5)', values: [renter, id] },
        { user: renter, text: '(private.request_extension($1, $2)).status' },
      );
    },
  },
  payExtension: {
    refusals: payRefusals,
    run: (play, { change }) => (change ? pay(play, change.id) : Promise.resolve(nothing)),
  },
  answerExtension: {
    refusals: [...extendRefusals, ...moved, 'hold_expired'],
    run: async ({ cluster, random }, { change, host }) =>
      change
        ? cluster.act(
            host,
            '(public.answer_extension($1, $2, $3)).status',
            change.id,
            random.chance(0.8),
            randomUUID(),
          )
        : nothing,
  },
  cancelExtension: {
    refusals: moved,
    run: async ({ cluster }, { change, renter }) =>
      change
        ? cluster.act(renter, '(public.cancel_extension($1, $2)).status', change.id, randomUUID())
        : nothing,
  },
  checkIn: {
    refusals: [...moved, 'too_early', 'trip_over', 'inspection_open', 'no_show_open', 'vehicle_not_returned'],
    run: (play, trip) => inspect(play, trip, 'check_in'),
  },
  checkOut: {
    refusals: [...moved, 'inspection_open'],
    run: (play, trip) => inspect(play, trip, 'check_out'),
  },
  acknowledge: {
    refusals: [...moved, 'vehicle_not_returned'],
    run: async ({ cluster }, trip) =>
      trip.inspection
        ? cluster.act(
            otherOf(trip, trip.inspection.by),
            '(public.acknowledge_inspection($1)).status',
            trip.inspection.id,
          )
        : nothing,
  },
  object: {
    refusals: moved,
    run: async ({ cluster }, trip) =>
      trip.inspection
        ? cluster.act(
            otherOf(trip, trip.inspection.by),
            '(public.object_to_inspection($1, $2)).status',
            ...[trip.inspection.id, reason],
          )
        : nothing,
  },
  decideInspection: {
    refusals: [...moved, 'vehicle_not_returned'],
    run: async ({ cluster, town, random }, { inspection }) =>
      inspection
        ? cluster.act(
            town.admin,
            '(public.decide_inspection($1, $2, $3)).status',
            ...[inspection.id, random.chance(0.5), reason],
          )
        : nothing,
  },
  silence: { refusals: [], run: ({ cluster }, { id }) => cluster.act(null, 'tests.keep_silent($1)', id) },
  reportNoShow: {
    refusals: [
      ...moved,
      'too_early',
      'inspection_open',
      'no_show_open',
      'money_frozen',
      'vehicle_not_returned',
    ],
    run: (play, trip) =>
      play.cluster.act(
        anySide(play, trip),
        '(public.report_no_show($1, $2, $3)).status',
        ...[trip.id, reason, randomUUID()],
      ),
  },
  answerNoShow: {
    refusals: [...moved, 'money_frozen'],
    run: async ({ cluster, random }, trip) =>
      trip.report
        ? cluster.act(
            otherOf(trip, trip.report.by),
            '(public.answer_no_show($1, $2, $3)).status',
            ...(random.chance(0.6) ? [trip.report.id, true, null] : [trip.report.id, false, reason]),
          )
        : nothing,
  },
  withdrawNoShow: {
    refusals: moved,
    run: async ({ cluster }, { report }) =>
      report ? cluster.act(report.by, '(public.withdraw_no_show($1)).status', report.id) : nothing,
  },
  decideNoShow: {
    refusals: [...moved, 'money_frozen'],
    run: async ({ cluster, town, random }, { report }) =>
      report
        ? cluster.act(
            town.admin,
            '(public.decide_no_show($1, $2, $3)).status',
            ...[report.id, random.chance(0.5), reason],
          )
        : nothing,
  },
  releaseDeposit: {
    refusals: [...moved, 'money_frozen'],
    run: ({ cluster }, { id, host }) =>
      cluster.act(host, '(public.release_deposit($1, $2)).deposit_status', id, randomUUID()),
  },
  charge: {
    refusals: ['claim_window_closed', 'charge_not_possible', 'charge_repeated', 'too_many_charges'],
    run: async ({ cluster, random }, { id, host }) => {
      const kind = random.pick(['fuel', 'km', 'late', 'toll', 'cleaning', 'damage', 'other']);
      const photo = await cluster.act(null, "tests.make_media($1, 'charge')", host);
      if (photo.error !== null) return photo;
      const amount = kind === 'km' || kind === 'late' ? null : random.whole(1, 9) * 100_000;
      return cluster.act(
        host,
        '(public.propose_charge($1, $2, $3, $4, $5, $6)).status',
        ...[
          id,
          kind,
          randomUUID(),
          kind === 'damage' ? random.whole(1, 40) * 100_000 : amount,
          reason,
          [photo.value],
        ],
      );
    },
  },
  answerCharge: {
    refusals: moved,
    run: async ({ cluster, random }, { charge, renter }) =>
      charge
        ? cluster.act(
            renter,
            '(public.answer_charge($1, $2, $3)).status',
            ...(random.chance(0.7) ? [charge.id, true, null] : [charge.id, false, reason]),
          )
        : nothing,
  },
  withdrawCharge: {
    refusals: moved,
    run: async ({ cluster }, { charge, host }) =>
      charge ? cluster.act(host, '(public.withdraw_charge($1)).status', charge.id) : nothing,
  },
  decideCharge: {
    refusals: moved,
    run: async ({ cluster, town, random }, { charge }) =>
      charge
        ? cluster.act(
            town.admin,
            '(public.decide_charge($1, $2, $3)).status',
            ...[charge.id, random.pick([0, 1, 100_000]), reason],
          )
        : nothing,
  },
  payCharge: {
    refusals: payRefusals,
    run: (play, { charge }) => (charge ? pay(play, charge.id) : Promise.resolve(nothing)),
  },
  review: {
    refusals: ['review_not_possible', 'review_released'],
    run: (play, trip) =>
      play.cluster.act(
        anySide(play, trip),
        '(private.write_review($1, $2, $3, null)).status',
        ...[trip.id, play.random.whole(1, 5), reason],
      ),
  },
  complain: {
    refusals: ['complaint_not_possible', 'complaint_exists', 'payable_not_found'],
    run: (play, trip) =>
      play.cluster.act(
        anySide(play, trip),
        `(private.open_complaint($1, 'other', 'It was not as agreed', 'refund', $2, null, '{}')).status`,
        ...[trip.id, randomUUID()],
      ),
  },
  answerComplaint: {
    refusals: ['complaint_over', 'invalid_input'],
    run: async ({ cluster }, trip) =>
      trip.complaint
        ? cluster.act(
            otherOf(trip, trip.complaint.opener),
            "(private.answer_complaint($1, $2, '{}')).status",
            ...[trip.complaint.id, `${reason} ${randomUUID()}`],
          )
        : nothing,
  },
  withdrawComplaint: {
    refusals: ['complaint_over'],
    run: async ({ cluster }, { complaint }) =>
      complaint
        ? cluster.act(complaint.opener, '(public.withdraw_complaint($1)).status', complaint.id)
        : nothing,
  },
  decideComplaint: {
    refusals: complaintRefusals,
    run: async (play, { complaint }) => (complaint ? decideComplaint(play, complaint.id) : nothing),
  },
  freeze: {
    refusals: ['payable_not_found', 'complaint_live'],
    run: ({ cluster, town, random }, { id, change, charge }) => {
      const payable = random.pick([id, change?.id ?? id, charge?.id ?? id]);
      return random.chance(0.4)
        ? cluster.act(town.admin, "public.freeze_payable($1, 'a check')", payable)
        : cluster.act(town.admin, "public.unfreeze_payable($1, 'a check')", payable);
    },
  },
  goodwill: {
    refusals: ['payment_not_refundable', 'refund_repeated'],
    run: async ({ cluster, town, random }, { id, charge }) => {
      const payable = random.pick([id, charge?.id ?? id]);
      const payments = await cluster.sql<{ id: string }>(
        'select id from public.payments where payable_id = $1',
        [payable],
      );
      if (!payments[0]) return nothing;
      await cluster.act(null, 'tests.step_up($1)', town.admin);
      return cluster.act(
        town.admin,
        '(public.refund_payment($1, $2, $3, $4)).status',
        ...[payments[0].id, random.whole(1, 50) * 1000, `${reason} ${randomUUID()}`, randomUUID()],
      );
    },
  },
} satisfies Record<string, Command>;

export type TripCommand = keyof typeof tripCommands;

/** A renter asks what a trip costs, and books it. */
async function book({ cluster, town, random, bookings }: Play): Promise<Answer> {
  const vehicle = random.pick(town.vehicles);
  const renter = random.pick(town.people);
  const start = new Date(
    Date.now() + (random.chance(0.7) ? random.whole(10, 50) / 60 : random.whole(5, 240)) * hour,
  );
  const end = new Date(start.getTime() + random.whole(3, 60) * hour);
  const code = random.chance(0.3) ? random.pick(town.codes) : null;
  const facts = await cluster.act(
    null,
    'private.quote_facts($1, $2, $3, $4, $5, $6)',
    ...[renter, vehicle.id, start, end, '{}', code],
  );
  const booked = await quoted(
    cluster,
    facts,
    (found) => {
      const read = pricingFacts.parse(found);
      const price = priceRental(read);
      return { priced: { ...price, ...splitPrice(price, read.rates.commission_bps) }, rest: [read] };
    },
    { text: 'public.store_quote($1, $2, $3, $4, $5, $6)', values: [renter, vehicle.id, start, end] },
    { user: renter, text: '(private.create_booking($1, $2)).id' },
  );
  if (booked.error === null) bookings.push(booked.value as string);
  return booked;
}

/** What is done without a trip. */
export const townCommands = {
  book: { refusals: [...notRentable, ...discounts, 'vehicle_not_published'], run: book },
  block: {
    refusals: ['vehicle_unavailable'],
    run: ({ cluster, town, random }: Play) => {
      const { id, host } = random.pick(town.vehicles);
      const start = new Date(Date.now() + random.whole(1, 300) * hour);
      const end = new Date(start.getTime() + random.whole(1, 12) * hour);
      return cluster.act(host, '(public.block_period($1, $2, $3)).id', id, start, end);
    },
  },
  unblock: {
    refusals: ['not_found'],
    run: async ({ cluster }: Play) => {
      const [entry] = await cluster.sql<{ id: string; host: string }>(
        `select c.id, v.host_id as host from public.calendar_entries c join public.vehicles v on v.id = c.vehicle_id
         where c.kind = 'host_block' order by c.id limit 1`,
      );
      return entry ? cluster.act(entry.host, 'public.unblock_period($1)', entry.id) : nothing;
    },
  },
  favourite: {
    refusals: ['too_many_favourites'],
    run: ({ cluster, town, random }: Play) =>
      cluster.act(
        random.pick(town.people),
        'public.set_favourite($1, $2)',
        ...[random.pick(town.vehicles).id, random.chance(0.7)],
      ),
  },
  saveSearch: {
    refusals: ['too_many_saved_searches'],
    run: ({ cluster, town, random }: Play) => {
      const starts_at = new Date(Date.now() + random.whole(1, 200) * hour);
      const ends_at = new Date(starts_at.getTime() + random.whole(2, 30) * hour);
      const criteria = JSON.stringify({ lat: 21.05, lng: 105.85, radius_m: 30_000, starts_at, ends_at });
      return cluster.act(
        random.pick(town.people),
        "public.save_search('cars', $1, $2)",
        criteria,
        randomUUID(),
      );
    },
  },
  forgetSearch: {
    refusals: ['not_found'],
    run: async ({ cluster, town, random }: Play) => {
      const user = random.pick(town.people);
      const [search] = await cluster.sql<{ id: string }>(
        'select id from public.saved_searches where user_id = $1 order by id limit 1',
        [user],
      );
      return search ? cluster.act(user, 'public.delete_saved_search($1)', search.id) : nothing;
    },
  },
  search: {
    refusals: [],
    run: ({ cluster, town, random }: Play) => {
      const start = new Date(Date.now() + random.whole(1, 100) * hour);
      return cluster.act(
        random.pick(town.people),
        '(select count(*) from public.search_vehicles(lat => 21.05, lng => 105.85, radius_m => 30000, starts_at => $1, ends_at => $2))',
        ...[start, new Date(start.getTime() + 5 * hour)],
      );
    },
  },
  receipt: {
    refusals: [],
    run: async ({ cluster }: Play) => {
      const [due] = await cluster.sql<{ id: string; kind: string; subject_id: string }>(
        `update private.outbox set status = 'done', finished_at = now() where id = (
           select id from private.outbox where topic = 'receipt' and status = 'pending' order by id limit 1 for update skip locked)
         returning id, payload ->> 'kind' as kind, payload ->> 'subject_id' as subject_id`,
      );
      return due
        ? cluster.act(null, '(public.issue_receipt($1, $2)).number', due.kind, due.subject_id)
        : nothing;
    },
  },
} satisfies Record<string, { refusals: readonly string[]; run(play: Play): Promise<Answer> }>;
export type TownCommand = keyof typeof townCommands;

/** What somebody would do with a trip as it is, each as often as its weight says. */
export function fitting(trip: Trip): (readonly [number, TripCommand])[] {
  const { status, inspection, change, charge, report, complaint } = trip;
  const choices: [number, TripCommand][] = [
    [0.1, 'complain'],
    [0.05, 'freeze'],
    [0.05, 'cancel'],
  ];
  if (status === 'requested') choices.push([5, 'answer'], [0.3, 'cancel'], [0.3, 'runOut']);
  if (status === 'pending_payment') choices.push([6, 'pay'], [0.4, 'cancel'], [0.6, 'runOut']);
  if (trip.untouched && !trip.started)
    choices.push([4, 'travel'], [1, 'extend'], [1, 'checkIn'], [0.5, 'cancel']);
  if (status === 'confirmed' && trip.started && !inspection && !report)
    choices.push([5, 'checkIn'], [0.7, 'reportNoShow'], [0.4, 'extend'], [0.3, 'cancel'], [0.3, 'complain']);
  if (inspection?.status === 'recorded') choices.push([7, 'acknowledge'], [0.6, 'object'], [0.5, 'silence']);
  if (inspection?.status === 'contested') choices.push([2, 'decideInspection'], [1, 'acknowledge']);
  if (report)
    choices.push(
      [2, 'answerNoShow'],
      [0.7, 'withdrawNoShow'],
      [report.status === 'contested' ? 3 : 0, 'decideNoShow'],
    );
  if (status === 'in_progress' && !inspection)
    choices.push([4, 'checkOut'], [1.5, 'extend'], [0.2, 'complain']);
  if (change)
    choices.push(change.status === 'requested' ? [4, 'answerExtension'] : [4, 'payExtension'], [
      0.5,
      'cancelExtension',
    ]);
  if (status === 'completed')
    choices.push([2, 'charge'], [2, 'review'], [0.7, 'releaseDeposit'], [0.7, 'complain'], [0.3, 'goodwill']);
  if (charge?.status === 'proposed') choices.push([3, 'answerCharge'], [0.4, 'withdrawCharge']);
  if (charge?.status === 'disputed')
    choices.push([2, 'decideCharge'], [0.5, 'answerCharge'], [0.3, 'withdrawCharge']);
  if (charge?.status === 'accepted') choices.push([3, 'payCharge'], [0.3, 'withdrawCharge']);
  if (complaint) choices.push([2, 'decideComplaint'], [1, 'answerComplaint'], [0.5, 'withdrawComplaint']);
  if (status === 'no_show' || status === 'cancelled') choices.push([0.3, 'complain'], [0.2, 'goodwill']);
  return choices;
}
