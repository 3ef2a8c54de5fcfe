import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isForApps, readCommands } from '../../sdk/scripts/commands.ts';
import { readSignatures, type Signature } from '../../sdk/scripts/database.ts';
import { hours, makeListing, makeTrip, moneyCame, providerSays } from '../support/acts.ts';
import { addAccounts, addEarnings, allAtOnce, openWorld, type World } from '../support/sql.ts';

const root = join(import.meta.dirname, '..', '..');
let world: World;
let signatures: Signature[];
/** What a function answered, as the apps' JSON has it. */
const answers: { name: string; many: boolean; answer: unknown }[] = [];

/** Calls a function as a person and keeps its answer. */
async function ask(user: string, name: string, ...args: unknown[]): Promise<Record<string, unknown>> {
  const places = args.map((_, i) => `$${i + 1}`).join(', ');
  const { returns } = signatures.find((one) => one.name === name) ?? {};
  if (!returns) throw new Error(`no function ${name}`);
  const rows = returns.many
    ? `coalesce((select jsonb_agg(to_jsonb(f)) from public.${name}(${places}) f), '[]')`
    : `to_jsonb(public.${name}(${places}))`;
  const [outcome] = await allAtOnce([{ user, text: rows, args }]);
  expect(outcome?.error, name).toBeNull();
  answers.push({ name, many: returns.many, answer: outcome?.value });
  const first: unknown = Array.isArray(outcome?.value) ? outcome.value[0] : outcome?.value;
  expect(first, `${name} must answer something`).toBeTruthy();
  return { ...(first as object) };
}

beforeAll(async () => {
  world = await openWorld();
  signatures = await readSignatures(world.sql);
  await addAccounts(world);
  await addEarnings(world);
  const admin = await world.make('make_admin', 'admin');

  // a listing, found; a trip under way, with its photos
  const { host, vehicle } = await makeListing(world);
  const renter = await world.make('make_renter', 'renter');
  const [from, to] = [await hours(world, 48), await hours(world, 72)];
  await ask(renter, 'search_vehicles', -44.5, 170.5, 5000, from, to);
  await ask(renter, 'vehicle_detail', vehicle);
  await ask(renter, 'vehicle_hours', vehicle);
  const sought = { lat: -44.5, lng: 170.5, radius_m: 5000, starts_at: from, ends_at: to };
  await ask(renter, 'save_search', 'Summer', sought, randomUUID());
  await ask(renter, 'my_saved_searches');
  const booking = await world.make('make_paid_booking', renter, vehicle, from, to);
  await ask(renter, 'vehicle_calendar', vehicle, from, to);
  await ask(renter, 'cancel_booking_preview', booking);
  await world.make('move_trip', booking, 0);
  await world.make('inspect', 'check_in', host, booking, 10);
  await ask(renter, 'booking_detail', booking);
  await ask(host, 'booking_detail', booking);
  await ask(renter, 'my_bookings', 'renter');
  await ask(host, 'my_bookings', 'host');
  await ask(renter, 'renter_history');
  await ask(host, 'host_dashboard');
  await ask(renter, 'public_profile', host);
  await ask(renter, 'search_users', 'host', null, 20);

  // what another trip cost beyond its price
  const billed = await makeListing(world);
  const driving = await world.make('make_renter', 'driving');
  const trip = await world.make('make_paid_booking', driving, billed.vehicle, from, to);
  await world.make('move_trip', trip, 0);
  await world.make('inspect', 'check_in', driving, trip, 1000);
  await world.make('move_trip', trip, -25);
  await world.make('inspect', 'check_out', driving, trip, 1100);
  await ask(driving, 'trip_costs', trip);
  await ask(driving, 'inspection_chain', trip);
  const dent = await world.make('make_media', billed.host, 'charge');
  await ask(billed.host, 'propose_charge', trip, 'other', randomUUID(), 1000, 'A dent', [dent]);
  const [charge] = [await ask(driving, 'charges_of_booking', trip)];
  await ask(driving, 'answer_charge', charge.id, false, 'It was full');
  await ask(admin, 'list_charges');

  // a complaint about it
  const complaint = await ask(
    driving,
    'open_complaint',
    trip,
    'unclean',
    'The vehicle was not clean',
    'refund',
    randomUUID(),
  );
  await ask(driving, 'complaint_detail', complaint.id);
  await ask(billed.host, 'my_complaints');
  await ask(admin, 'complaints_to_decide');
  await ask(admin, 'complaint_record', complaint.id);
  await ask(admin, 'preview_resolution', complaint.id, 1000);

  // another listing with hours and a calendar of its own, and who else drives it
  const other = await makeListing(world);
  const open = [{ opens: '00:00', closes: '24:00' }];
  const weekly = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, hours: open }));
  await ask(other.host, 'set_vehicle_hours', other.vehicle, JSON.stringify(weekly));
  const day = (await hours(world, 48)).toISOString().slice(0, 10);
  await ask(other.host, 'set_vehicle_day', other.vehicle, day, JSON.stringify(open));
  await ask(other.host, 'create_calendar_link', other.vehicle);
  const shared = await world.make(
    'make_paid_booking',
    renter,
    other.vehicle,
    await hours(world, 96),
    await hours(world, 120),
  );
  const driver = await world.make('make_renter', 'driver');
  const [invited] = await allAtOnce([
    {
      user: renter,
      text: '(private.invite_driver($1, $2, gen_random_uuid())).status',
      args: [shared, driver],
    },
  ]);
  expect(invited?.error).toBeNull();
  await ask(driver, 'my_driving');

  // a code that takes something off
  const code10 = { code: 'SUMMER', title: 'Summer', scope: 'rental', percent_bps: 1000, is_listed: true };
  const discount = await ask(admin, 'create_discount', code10, randomUUID());
  await ask(admin, 'update_discount', discount.id, { title: 'The summer' });
  await ask(admin, 'list_discounts');
  await ask(renter, 'available_discounts');
  const thread = await ask(renter, 'open_direct_conversation', host);
  await ask(renter, 'send_message', thread.id, 'Hà Nội', randomUUID());
  await ask(renter, 'search_messages', 'ha noi', null, null, 20);
  await ask(renter, 'sync_chat', null);
  await ask(renter, 'badges');
  await ask(renter, 'payment_methods');

  const key = await world.make<{ id: string }>('make_api_key', host, ['vehicles:read']);
  answers.push({ name: 'create_api_key', many: false, answer: key });
  await ask(host, 'revoke_api_key', key.id);

  // a server that hears of trips
  await world.make('step_up', host);
  const hooks = [randomUUID(), randomUUID()] as const;
  const url = 'https://fleet.example.com/';
  const endpoint = await ask(host, 'create_webhook_endpoint', 'Fleet', url, ['*'], 'user', null, hooks[0]);
  await ask(host, 'update_webhook_endpoint', endpoint.id, { name: 'Fleet software' });
  await ask(host, 'rotate_webhook_secret', endpoint.id, hooks[1]);
  await ask(host, 'list_webhook_endpoints');
  const [tested] = await allAtOnce([
    { user: host, text: 'public.send_test_webhook($1)', args: [endpoint.id] },
  ]);
  answers.push({ name: 'send_test_webhook', many: false, answer: tested?.value });
  await ask(host, 'list_webhook_deliveries', endpoint.id);
  await ask(host, 'resend_webhooks', endpoint.id, new Date(0).toISOString());

  // a trip that was called off, whose payer must name an account
  const called = await makeTrip(world, 'payos');
  await allAtOnce([providerSays(called.reference)]);
  await ask(called.renter, 'payment_status', called.payment);
  await allAtOnce([
    {
      user: called.renter,
      text: '(tests.cancel_booking($1)).status',
      args: [called.booking],
    },
  ]);
  const refund = await ask(called.renter, 'my_refunds');
  await ask(admin, 'list_refunds', 'open');
  await world.make('set_account', called.renter);
  await ask(admin, 'claim_manual_refund', refund.id);
  await ask(admin, 'list_refunds', 'open');

  // money that fits nothing
  await allAtOnce([moneyCame('payos', `nobody-${randomUUID()}`, 'tx-1', 5000)]);
  const unmatched = await ask(admin, 'unmatched_money');
  await ask(admin, 'settle_unmatched_money', unmatched.id, 'keep', randomUUID(), null, 'nobody asked for it');
  await ask(admin, 'unmatched_money', 'settled');

  // a payout, frozen money, and a trip that an admin calls off
  const owner = await world.make('make_user', 'owner');
  await world.make('set_account', owner);
  const earned = await world.make('earn', owner, 900_000_000);
  await ask(owner, 'my_balance');
  const batch = await world.value<string>('private.schedule_payouts(900000000)');
  await allAtOnce([{ user: admin, text: '(public.approve_payout_batch($1)).status', args: [batch] }]);
  const payout = await ask(admin, 'list_payouts', batch);
  await ask(owner, 'payout_statement', payout.id);
  await ask(admin, 'claim_manual_payout', payout.id);
  await ask(admin, 'list_payouts', batch);
  const calledOff = await makeTrip(world, 'payos');
  await ask(admin, 'freeze_payable', earned, 'a question');
  await ask(admin, 'unfreeze_payable', earned, null);
  await ask(admin, 'cancel_payable', calledOff.booking, 'a question', randomUUID());

  // money that a payer took back, and figures
  const payment = await world.value<string>('(select id from public.payments where payable_id = $1)', trip);
  const reversal = await ask(
    admin,
    'record_payment_reversal',
    payment,
    'portal_refund',
    1000,
    'dp_1',
    'Lost',
    randomUUID(),
  );
  await ask(admin, 'cover_payment_reversal', reversal.id, 'platform', 400, 'Ours', randomUUID());
  await ask(admin, 'list_payment_reversals');
  const today = await world.value<string>('private.report_day()::text');
  await world.sql.query('select private.refresh_metrics()');
  await ask(admin, 'marketplace_report', today, today);

  // what somebody chose to get, and why they got it
  await ask(owner, 'notification_settings');
  const told = 'select id from public.notifications where user_id = $1 order by seq limit 1';
  await ask(owner, 'explain_notification', await world.value(told, owner));
  await ask(admin, 'list_deliveries', owner);

  // a case that a reviewer takes
  const licence = await world.make<string>('make_licence', await world.make('make_user', 'new'));
  const { rows: waiting } = await world.sql.query<{ id: string }>(
    `insert into public.driver_licences (user_id, number_hash, number_last4, full_name, date_of_birth, classes, issued_on, valid_until, front_media_id, back_media_id)
     select user_id, uuid_send(gen_random_uuid()), number_last4, full_name, date_of_birth, classes, issued_on, valid_until, front_media_id, back_media_id
     from public.driver_licences where id = $1 returning id`,
    [licence],
  );
  await ask(admin, 'claim_review', 'licence', waiting[0]?.id);

  // an event, and its stock
  const organizerOwner = await world.make('make_user', 'organizer');
  const event = await world.make<string>('make_event', organizerOwner);
  const { rows: places } = await world.sql.query<{ organizer_id: string; class_id: string }>(
    'select e.organizer_id, c.id as class_id from public.events e join public.ticket_classes c on c.event_id = e.id where e.id = $1',
    [event],
  );
  await ask(organizerOwner, 'set_capacity_pool', event, 'Hall', 50, [places[0]?.class_id]);
  const early = { code: 'EARLY', title: 'Early birds', percent_bps: 2000 };
  const earlyBird = await ask(
    organizerOwner,
    'create_organizer_discount',
    places[0]?.organizer_id,
    early,
    randomUUID(),
  );
  await ask(organizerOwner, 'update_organizer_discount', earlyBird.id, { title: 'The early birds' });
  await ask(organizerOwner, 'organizer_discounts', places[0]?.organizer_id);
  await ask(organizerOwner, 'organizer_events', places[0]?.organizer_id);
  await ask(organizerOwner, 'event_detail', event);
  await ask(renter, 'event_detail', event);
  await ask(renter, 'search_events', 'dem nhac');
  await world.sql.query("select set_config('request.jwt.claims', tests.claims($1), false)", [organizerOwner]);
  const { rows: stalls } = await world.sql.query<{ id: string }>(
    `select id from private.add_ticket_class($1, '{"name": "Stalls", "price": 300000, "has_seats": true}', gen_random_uuid())`,
    [event],
  );
  await world.sql.query("select set_config('request.jwt.claims', '', false)");
  const row = [{ number: '1' }, { number: '2', kind: 'companion' }, { number: '3' }];
  await ask(organizerOwner, 'add_seat_row', stalls[0]?.id, 'Stalls', 'A', 1, JSON.stringify(row));
  const paid = await world.make<string>('make_paid_order', renter, event, 1);
  const { rows: door } = await world.sql.query<{ ticket: string; list: string; code: string }>(
    `select t.id as ticket, l.id as list, 'e30.' || private.base64url_from(replace(encode(convert_to(jsonb_build_object(
        't', t.id, 'e', t.event_id, 'n', t.custody, 's', t.secret)::text, 'UTF8'), 'base64'), E'\\n', '')) || '.c2ln' as code
      from public.tickets t join public.check_in_lists l on l.event_id = t.event_id where t.order_id = $1`,
    [paid],
  );
  const { ticket, list, code } = door[0] ?? {};
  await ask(renter, 'ticket_to_print', ticket);
  await ask(renter, 'my_tickets');
  await ask(renter, 'offer_ticket', ticket, host);
  await ask(host, 'my_ticket_offers');
  await ask(organizerOwner, 'door_tickets', list);
  await ask(organizerOwner, 'scan_ticket', list, code, randomUUID(), 'North');
  const scan = {
    client_scan_id: randomUUID(),
    code,
    scanned_at: new Date().toISOString(),
    is_admitted: true,
  };
  await ask(organizerOwner, 'sync_scans', list, JSON.stringify([scan]));
  await ask(organizerOwner, 'scan_conflicts', event);
  await ask(organizerOwner, 'event_attendees', event);
  await ask(organizerOwner, 'event_sales', event);
  const order = await world.make<string>('make_paid_order', renter, event, 1, 'Stalls');
  await ask(renter, 'seat_map', event);
  await ask(renter, 'event_availability', event);
  await world.sql.query('insert into public.event_favourites (user_id, event_id) values ($1, $2)', [
    renter,
    event,
  ]);
  await ask(renter, 'my_event_favourites');
  await ask(renter, 'trending_events');
  await ask(renter, 'order_detail', order);
  await ask(organizerOwner, 'order_detail', order);
  await ask(organizerOwner, 'event_orders', event);
  await ask(renter, 'my_orders');
  await ask(organizerOwner, 'cancel_order_preview', order);
  await ask(organizerOwner, 'cancel_order', order, 300_000, randomUUID());
  await ask(organizerOwner, 'organizer_earnings', places[0]?.organizer_id);

  // an event that is sold out, waited for and cancelled
  const small = await world.make<string>('make_event', organizerOwner, '{"total": 1}');
  const soldOut = await world.make<string>('class_of', small);
  await world.make('make_paid_order', renter, small);
  const waiter = await world.make<string>('make_user', 'waiter');
  await ask(waiter, 'join_waiting_list', soldOut, 1);
  await ask(waiter, 'my_waiting_places');
  await ask(organizerOwner, 'event_waiting_lists', small);
  await ask(waiter, 'leave_waiting_list', soldOut);
  await ask(organizerOwner, 'cancel_event', small, 'A storm');
  await ask(organizerOwner, 'event_cancellation', small);
  await world.sql.query("select set_config('request.jwt.claims', tests.claims($1), false)", [organizerOwner]);
  await world.sql.query(
    "select private.configure_event(id, '{}') from private.create_event($1, $2, gen_random_uuid())",
    [
      places[0]?.organizer_id,
      {
        title: 'A second night',
        venue: 'Opera',
        address: '1 Tràng Tiền',
        city: 'Hà Nội',
        starts_at: await hours(world, 500),
        ends_at: await hours(world, 501),
      },
    ],
  );
  await world.sql.query("select set_config('request.jwt.claims', '', false)");
  await ask(admin, 'events_to_review');

  await ask(renter, 'my_mail_state');
  const texts = { vi: { title: 'Tin', body: 'Chào bạn' }, en: { title: 'News', body: 'Hello' } };
  const broadcast = await ask(
    admin,
    'create_broadcast',
    'service',
    '{}',
    JSON.stringify(texts),
    randomUUID(),
  );
  await ask(admin, 'preview_broadcast', broadcast.id);

  // somebody is reported and suspended, and staff takes that back
  const reported = await world.make<string>('make_user', 'reported');
  await ask(renter, 'create_report', 'person', reported, 'other', 'Shouts at people');
  await ask(renter, 'my_reports');
  await ask(admin, 'reports_to_review');
  await world.sql.query("select set_config('request.jwt.claims', tests.claims($1), false)", [admin]);
  await world.sql.query("select private.restrict_subject('person', $1, 'Shouted at people', null, null)", [
    reported,
  ]);
  await world.sql.query("select set_config('request.jwt.claims', '', false)");
  await ask(reported, 'my_moderation');
  const logged = await ask(admin, 'moderation_log');
  await ask(admin, 'moderation_case', logged.case_id);

  // somebody takes the data along and leaves
  const leaver = await world.make('make_renter', 'leaver');
  await world.make('step_up', leaver);
  await ask(leaver, 'export_my_data', 0);
  await ask(leaver, 'delete_account');
});
afterAll(() => world?.close());

it('has asked every function that answers jsonb', async () => {
  const open = new Set((await readCommands(world.sql)).filter(isForApps).map(({ name }) => name));
  const shapeless = signatures
    .filter(({ name, returns }) => open.has(name) && 'type' in returns && returns.type === 'jsonb')
    .map(({ name }) => name);
  expect(shapeless.length).toBeGreaterThan(5);
  expect(answers.map(({ name }) => name)).toEqual(expect.arrayContaining(shapeless));
});

it('types every answer with exactly the fields that the database gives', () => {
  const folder = join(root, 'sdk', 'dist');
  mkdirSync(folder, { recursive: true });
  const out = mkdtempSync(join(folder, 'answers-'));
  try {
    const lines = answers.map(
      ({ name, answer }, i) => `export const answer${i}: Answer<'${name}'> = ${JSON.stringify(answer)};`,
    );
    // with all resources, since each declares its own shapes
    const head =
      "import type {} from '../../src/index.ts';\nimport type { Answer } from '../../src/core/shapes.ts';\n";
    writeFileSync(join(out, 'answers.ts'), `${head}${lines.join('\n')}\n`);
    const config = {
      extends: join(root, 'sdk/tsconfig.json'),
      compilerOptions: { noEmit: true, rootDir: join(root, 'sdk') },
      include: ['*.ts'],
      exclude: [],
    };
    writeFileSync(join(out, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', out], { encoding: 'utf8' });
    // a line of the file is an answer: say whose it is
    const said = stdout.replaceAll(
      /answers\.ts\((\d+),\d+\)/g,
      (_, line: string) => answers[Number(line) - 3]?.name ?? line,
    );
    expect(said).toBe('');
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});
